import { AUDIENCE, MAX_BYTES, NOW, SKEW_SECONDS } from './issuers.js'

/** A way in which we and jose judge otherwise, on purpose. */
export interface Rule {
  readonly name: string
  readonly refusedBy: 'countersign' | 'jose'
  /** Of ours; `null` where it is jose that refuses. */
  readonly code: string | null
  readonly reason: string
  /** Found out from the token itself, by other means than those that judged it. */
  explains(token: Seen): boolean
}

/** A token, read as leniently as it can be. */
export interface Seen {
  readonly token: string
  readonly segments: readonly string[]
  readonly header: Part
  readonly claims: Part
}

export interface Part {
  readonly bytes: Buffer
  readonly text: string
  readonly members: Readonly<Record<string, unknown>>
}

export function see(token: string): Seen {
  const segments = token.split('.')
  return { token, segments, header: partOf(segments[0]), claims: partOf(segments[1]) }
}

function partOf(segment = ''): Part {
  const bytes = Buffer.from(segment, 'base64url')
  const text = bytes.toString()
  try {
    const value: unknown = JSON.parse(text.replace(/^\ufeff/, ''))
    return { bytes, text, members: typeof value === 'object' && value !== null ? (value as Part['members']) : {} }
  } catch {
    return { bytes, text, members: {} }
  }
}

const MAX_DEPTH = 32

export const RULES: readonly Rule[] = [
  ours('base64url that is not canonical', 'ERR_TOKEN_MALFORMED', 'two texts of one token are two names for it', ({ segments }) =>
    segments.some((segment) => Buffer.from(segment, 'base64url').toString('base64url') !== segment),
  ),
  ours('a member name twice', 'ERR_TOKEN_MALFORMED', 'of two values, two readers need not take the same', ({ header, claims }) =>
    [header, claims].some(({ text, members }) => membersIn(text) > membersOf(members)),
  ),
  ours('text that is not UTF-8, or begins with a byte order mark', 'ERR_TOKEN_MALFORMED', 'RFC 8725 §3.7', ({ header, claims }) =>
    [header, claims].some(({ bytes, text }) => text.startsWith('\ufeff') || !Buffer.from(text).equals(bytes)),
  ),
  ours(
    'a text with half a character',
    'ERR_TOKEN_MALFORMED',
    'RFC 8259 §8.2: what becomes of it is anybody’s guess',
    ({ header, claims }) => [header, claims].some(({ members }) => textsOf(members).some((text) => !text.isWellFormed())),
  ),
  ours('JSON deeper than 32 levels', 'ERR_TOKEN_MALFORMED', 'whoever walks it must not run out of stack', ({ header, claims }) =>
    [header, claims].some(({ members }) => depthOf(members) > MAX_DEPTH),
  ),
  ours('a token longer than maxBytes', 'ERR_TOKEN_TOO_LARGE', 'what it costs must be bounded', ({ token }) => token.length > MAX_BYTES),
  ours(
    'an extension that is critical, or b64',
    'ERR_TOKEN_CRITICAL',
    'no extension is understood here, RFC 7797 neither',
    ({ header }) => 'crit' in header.members || ('b64' in header.members && header.members['b64'] !== true),
  ),
  ours(
    'a key in the header',
    'ERR_TOKEN_KEY_EMBEDDED',
    'a key that comes with the token proves nothing',
    ({ header }) => 'jwk' in header.members,
  ),
  ours(
    'no kid, where EdDSA and Ed25519 have a key each',
    'ERR_TOKEN_KEY_UNKNOWN',
    'both names are of one algorithm (RFC 9864), so there are two keys to choose from',
    ({ header }) => !('kid' in header.members) && isEdwards(header),
  ),
  ours('a sub that is no text, empty, or a SPIFFE ID', 'ERR_TOKEN_SUBJECT', 'nobody is named for such an ID', ({ claims }) =>
    /^spiffe:/i.test(String(claims.members['sub'])),
  ),
  ours('a sub that is no text, or empty', 'ERR_TOKEN_CLAIM_INVALID', 'RFC 7519 §4.1.2; jose looks whether it is there', ({ claims }) => {
    const { sub } = claims.members
    return typeof sub !== 'string' || sub === ''
  }),
  ours('an aud that holds more than texts', 'ERR_TOKEN_CLAIM_INVALID', 'RFC 7519 §4.1.3', ({ claims }) => {
    const { aud } = claims.members
    return Array.isArray(aud) && aud.includes(AUDIENCE) && aud.some((one) => typeof one !== 'string')
  }),
  ours('a time without end', 'ERR_TOKEN_CLAIM_INVALID', 'an exp of 1e999 never comes', ({ claims }) =>
    ['exp', 'nbf', 'iat'].some((name) => typeof claims.members[name] === 'number' && !Number.isFinite(claims.members[name])),
  ),
  ours(
    'an iat that has not come',
    'ERR_TOKEN_ISSUED_IN_FUTURE',
    'a clock is wrong, and nobody knows whose; jose looks at iat for maxTokenAge alone',
    ({ claims }) => Number(claims.members['iat']) > NOW + SKEW_SECONDS,
  ),
  ours(
    'a jti that is no text, or empty, where tokens can be revoked',
    'ERR_TOKEN_CLAIM_INVALID',
    'what cannot be named cannot be revoked',
    ({ claims }) => {
      const { jti } = claims.members
      return 'jti' in claims.members && (typeof jti !== 'string' || jti === '')
    },
  ),
  ours('a scope that is no text, an scp that is no text or texts', 'ERR_TOKEN_CLAIM_INVALID', 'RFC 8693 §4.2', ({ claims }) => {
    const { scope, scp } = claims.members
    const good = scp === undefined || typeof scp === 'string' || (Array.isArray(scp) && scp.every((one) => typeof one === 'string'))
    return (scope !== undefined && typeof scope !== 'string') || !good
  }),
  ours('a cnf that is none', 'ERR_TOKEN_CLAIM_INVALID', 'RFC 7800 §3.1; jose does not look at it', ({ claims }) => {
    const { cnf } = claims.members
    return 'cnf' in claims.members && !(isObject(cnf) && /^[\w-]{43}$/.test(String(cnf['x5t#S256'])))
  }),
  ours(
    'a cnf by which nothing is bound that we know',
    'ERR_TOKEN_BINDING',
    'a token that is bound is never taken for one that is not',
    ({ claims }) => {
      const { cnf } = claims.members
      return isObject(cnf) && Object.keys(cnf).length > 0 && !('x5t#S256' in cnf)
    },
  ),
  joses('spaces before the token', 'they belong to the Authorization field (RFC 9110 §11.4), of which jose knows nothing', ({ token }) =>
    token.startsWith(' '),
  ),
  joses(
    'a key for EdDSA under the name Ed25519, and the other way round',
    'both names are of one algorithm with such a key (RFC 9864)',
    ({ header }) =>
      isEdwards(header) &&
      /^kid-Ed(?:DSA|25519)$/.test(String(header.members['kid'])) &&
      header.members['kid'] !== `kid-${header.members['alg']}`,
  ),
]

function ours(name: string, code: string, reason: string, explains: Rule['explains']): Rule {
  return { name, refusedBy: 'countersign', code, reason, explains }
}

function joses(name: string, reason: string, explains: Rule['explains']): Rule {
  return { name, refusedBy: 'jose', code: null, reason, explains }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isEdwards({ members }: Part): boolean {
  return members['alg'] === 'EdDSA' || members['alg'] === 'Ed25519'
}

/** Colons outside of texts: as many as members were written. */
function membersIn(text: string): number {
  return text.replaceAll(/"(?:[^"\\]|\\.)*"/gs, '').split(':').length - 1
}

function membersOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  const inner = Object.values(value).reduce((sum: number, one) => sum + membersOf(one), 0)
  return Array.isArray(value) ? inner : inner + Object.keys(value).length
}

function textsOf(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value]
  return typeof value === 'object' && value !== null ? [...Object.keys(value), ...Object.values(value).flatMap(textsOf)] : []
}

/** Levels below the outermost. */
function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  return 1 + Math.max(-1, ...Object.values(value).map(depthOf))
}
