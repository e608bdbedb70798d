import type { Random } from '../differential/random.js'
import { ALGORITHMS, AUDIENCE, ISSUER, NOW, type Signer } from './issuers.js'

/** Header and payload before they are signed: what nobody but the issuer can change. */
export interface Draft {
  header: string | Buffer
  payload: string | Buffer
}

type Members = Record<string, unknown>
type Change = (random: Random) => Members

const THUMBPRINT = 'A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0'
// JSON leaves a member of this value out.
const ABSENT = Symbol('absent')
const ODD: readonly unknown[] = [null, true, false, 0, -1, 0.5, '', ' ', 'x', [], ['x'], {}, [null], { x: 1 }]
const TIMES: readonly unknown[] = [
  ...ODD,
  ...[-31, -30, -29, -1, 0, 1, 29, 30, 31, 300, 86_400].map((seconds) => NOW + seconds),
  NOW - 29.5,
  NOW + 30.5,
  String(NOW + 300),
  -NOW,
  Number.MAX_SAFE_INTEGER,
  Number.MAX_VALUE,
  -Number.MAX_VALUE,
  Number.MIN_VALUE,
]

const HEADERS: Readonly<Record<string, readonly unknown[]>> = {
  alg: [...ALGORITHMS, ...ODD, 'none', 'es256', 'RS1', 'HS256', 'ES256K', 'ML-DSA-44', 'ES256 ', 'ed25519'],
  kid: [...ODD, ...ALGORITHMS.map((name) => `kid-${name}`), '__proto__', 'constructor', 'k'.repeat(513), 'kid-ES256 ', ABSENT],
  typ: [...ODD, 'at+jwt', 'AT+JWT', 'application/at+jwt', 'Application/At+Jwt', 'JWT', 'jwt', 'at+jwt ', 'dpop+jwt', 'text/at+jwt', ABSENT],
  crit: [...ODD, ['b64'], ['exp'], ['b64', 'b64'], ['alg'], 'b64'],
  b64: [...ODD],
  jwk: [...ODD, { kty: 'EC' }],
  jku: ['https://attacker.example/jwks', ...ODD],
  x5u: ['https://attacker.example/x5u'],
  x5c: [[], ['AAAA'], null],
  zip: ['DEF', null],
  cty: ['JWT', 'x', 7],
  extra: ODD,
}

const CLAIMS: Readonly<Record<string, readonly unknown[]>> = {
  iss: [...ODD, `${ISSUER}/`, ISSUER.toUpperCase(), [ISSUER], ABSENT],
  sub: [...ODD, 'bob', 'spiffe://prod.example/orders', 'SPIFFE://prod.example/orders', 'spiffe:', 'é', ABSENT],
  aud: [
    ...ODD,
    AUDIENCE,
    [AUDIENCE],
    [AUDIENCE, 'other'],
    ['other'],
    [AUDIENCE, 7],
    `${AUDIENCE} `,
    AUDIENCE.toUpperCase(),
    [[AUDIENCE]],
    ABSENT,
  ],
  exp: [...TIMES, ABSENT],
  nbf: TIMES,
  iat: [...TIMES, ABSENT],
  jti: [...ODD, 'j-2', ABSENT],
  scope: [...ODD, 'read write', '  ', ['read']],
  scp: [...ODD, ['read', 'write'], 'read', [7]],
  cnf: [
    ...ODD,
    { 'x5t#S256': THUMBPRINT },
    { 'x5t#S256': 'short' },
    { jkt: THUMBPRINT },
    { jwk: {} },
    { 'x5t#S256': THUMBPRINT, other: 1 },
  ],
  __proto__x: [{ admin: true }],
  extra: ODD,
}

/** A member put, replaced or taken away. */
function altered(table: Readonly<Record<string, readonly unknown[]>>): Change {
  const names = Object.keys(table)
  return (random) => {
    const name = random.pick(names)
    return { [name]: random.pick(table[name] ?? []) }
  }
}

const ofHeader = altered(HEADERS)
const ofClaims = altered(CLAIMS)

/** Changes to the text of JSON, after its members. */
const TEXTS: readonly ((text: string, random: Random) => string | Buffer)[] = [
  (text) => ` ${text}`,
  (text) => `${text}\n`,
  (text) => text.replaceAll(',', ' ,\r\n\t'),
  (text) => `\ufeff${text}`,
  (text) => `${text}${text}`,
  (text) => `[${text}]`,
  (text) => text.slice(0, -1),
  (text) => text.replace('}', ',}'),
  (text) => text.replace('{', '{,'),
  (text) => text.replaceAll('"', "'"),
  (text, random) =>
    text.replace('{', `{${random.pick(['"alg":"none"', '"sub":"mallory"', '"iss":"x"', '"extra":1', '"exp":1', '"kid":"x"'])},`),
  (text, random) =>
    text.replace(
      /}$/,
      `,${random.pick(['"alg":"ES256"', '"sub":"alice"', '"aud":"billing"', '"typ":"at+jwt"', '"nested":{"a":1,"a":1}'])}}`,
    ),
  (text) => text.replace(/"([a-z])/, (_, letter: string) => `"\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`),
  (text, random) =>
    text.replace(
      /}$/,
      `,"text":"${random.pick(['\\ud800', '\\udc00x', '\\ud83d\\ude00', '\\u0000', '\\x41', '\u0001', '\\uD8', 'é', '👻'])}"}`,
    ),
  (text, random) =>
    text.replace(
      /("(?:exp|nbf|iat)":)\d+/,
      (_, name: string) =>
        `${name}${random.pick(['1e999', '-1e999', '1e308', '1.8000003e9', '01', '+1', '1.', '.5', '0x6b49d200', 'NaN', 'Infinity', `${NOW + 300}.0`, '9'.repeat(400)])}`,
    ),
  (text, random) =>
    text.replace(
      /}$/,
      `,"deep":${'['.repeat(random.pick([10, 30, 31, 32, 33, 40, 200]))}${']'.repeat(random.pick([10, 30, 31, 32, 33, 40, 200]))}}`,
    ),
  (text, random) => {
    const depth = random.pick([29, 30, 31, 32, 33, 100])
    return text.replace(/}$/, `,"deep":${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}}`)
  },
  (text, random) => text.replace(/}$/, `,"pad":"${'x'.repeat(random.pick([100, 3000, 6000, 9000]))}"}`),
  (text) => text.replace(/}$/, ',"__proto__":{"polluted":true}}'),
  (text) => Buffer.from(text.replace(/}$/, ',"latin":"\u00e9"}'), 'latin1'),
  (text) => Buffer.concat([Buffer.from(text.slice(0, -1)), Buffer.from(',"cut":"'), Buffer.from([0xf0, 0x9f]), Buffer.from('"}')]),
  (text) => Buffer.from(text, 'utf16le'),
  () => '',
  () => 'null',
  () => '"text"',
  () => '[]',
  () => '{}',
]

export function goodDraft({ algorithm, kid }: Signer): { header: Members; claims: Members } {
  return {
    header: { alg: algorithm, typ: 'at+jwt', kid },
    claims: { iss: ISSUER, sub: 'alice', aud: AUDIENCE, iat: NOW, nbf: NOW, exp: NOW + 300, jti: 'j-1', scope: 'read' },
  }
}

/** What an issuer might sign that it should not, or might not mean. */
export function mutatedDraft(signer: Signer, random: Random): Draft {
  const { header, claims } = goodDraft(signer)
  const changes = 1 + random.below(3)
  let texts: readonly [header: boolean, payload: boolean] = [false, false]
  for (let change = 0; change < changes; change++) {
    const kind = random.below(100)
    if (kind < 35) Object.assign(header, ofHeader(random))
    else if (kind < 75) Object.assign(claims, ofClaims(random))
    else texts = kind < 85 ? [true, texts[1]] : [texts[0], true]
  }
  const [headerText, payloadText] = [JSON.stringify(header), JSON.stringify(claims)]
  return {
    header: texts[0] ? random.pick(TEXTS)(headerText, random) : headerText,
    payload: texts[1] ? random.pick(TEXTS)(payloadText, random) : payloadText,
  }
}
