import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import type { Clock } from '@countersign/core'
import { createTokenSigner, type TokenSigner } from '@countersign/issuer'
import { type Certificates, idOf } from './certificates.js'

export const ISSUER = 'https://issuer.prod.example'
export const AUDIENCE = 'billing'
export const MAX_TOKEN_BYTES = 2048
/** Of tokens that are asked about. */
export const ASKED_ISSUER = 'https://opaque.prod.example'

/** What rows send as a bearer token. */
export interface Tokens {
  readonly jwks: ReturnType<TokenSigner['jwks']>['keys']
  /** Keys of somebody else. */
  readonly strangersJwks: ReturnType<TokenSigner['jwks']>['keys']
  of(kind: TokenKind): string
  /** Answers what the issuer of opaque tokens answers (RFC 7662). */
  readonly introspect: typeof globalThis.fetch
}

export type TokenKind = keyof ReturnType<typeof recipes>

/** @param callerKey what tokens are bound to that are bound to a key. */
export function createTokens(certificates: Certificates, callerKey: TokenSigner, clock: Clock): Tokens {
  const signer = createTokenSigner({ issuer: ISSUER, clock, maxExpiresInSeconds: 86_400 })
  const recipe = recipes(signer, certificates, callerKey, clock)
  const made = new Map<TokenKind, string>()
  return {
    jwks: signer.jwks().keys,
    strangersJwks: createTokenSigner({ issuer: ISSUER, clock }).jwks().keys,
    of(kind) {
      const token = made.get(kind) ?? recipe[kind]()
      made.set(kind, token)
      return token
    },
    async introspect(_, init) {
      const asked = new URLSearchParams(Buffer.from(init?.body as Uint8Array).toString()).get('token')
      const now = Math.floor(clock.nowMs() / 1000)
      const cnf = { 'x5t#S256': certificates.of('orders')['x5t#S256'] }
      const described = { active: true, sub: idOf('/orders'), aud: AUDIENCE, exp: now + 3600, cnf }
      return Response.json(asked === recipe.opaque() ? described : { active: false })
    },
  }
}

function recipes(signer: TokenSigner, certificates: Certificates, callerKey: TokenSigner, clock: Clock) {
  const now = Math.floor(clock.nowMs() / 1000)
  const orders = certificates.of('orders')
  const [callerJwk = assert.fail('no key')] = callerKey.jwks().keys
  const claims = {
    iss: ISSUER,
    sub: idOf('/orders'),
    aud: AUDIENCE,
    iat: now,
    nbf: now,
    exp: now + 3600,
    jti: 'jti-of-orders',
    client_id: 'orders',
    cnf: { 'x5t#S256': orders['x5t#S256'] },
  }
  const { cnf, ...unbound } = claims
  const bound = (changes: Readonly<Record<string, unknown>>, header = {}): string => signer.signExactly({ ...claims, ...changes }, header)
  const without = (name: keyof typeof claims): string =>
    signer.signExactly(Object.fromEntries(Object.entries(claims).filter(([key]) => key !== name)))
  const [head = '', payload = '', signature = ''] = bound({}).split('.')
  const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const text = (value: string): string => Buffer.from(value).toString('base64url')

  return {
    // accepted
    bound: () => bound({}),
    'bound-with-scope': () => bound({ scope: 'invoices:read invoices:list' }),
    'bound-with-claim': () => bound({ tier: ['gold'] }),
    'bound-to-shipping': () => bound({ sub: idOf('/shipping'), cnf: { 'x5t#S256': certificates.of('shipping')['x5t#S256'] } }),
    'for-alice': () => bound({ sub: 'alice' }),
    'in-its-skew': () => bound({ exp: now - 29 }),
    'an-hour-old': () => bound({ iat: now - 3600, nbf: now - 3600 }),
    'several-audiences': () => bound({ aud: ['other', AUDIENCE] }),
    unbound: () => signer.signExactly({ ...unbound, sub: 'alice' }),
    // A `kid` of that signer is its RFC 7638 thumbprint.
    'bound-to-key': () => signer.signExactly({ ...unbound, sub: 'alice', cnf: { jkt: callerJwk.kid } }),
    'expired-bound-to-key': () => signer.signExactly({ ...unbound, exp: now - 31, cnf: { jkt: callerJwk.kid } }),
    'bound-to-both': () => bound({ cnf: { ...cnf, jkt: callerJwk.kid } }),
    workload: () => signer.signExactly({ sub: idOf('/orders'), iat: now, exp: now + 3600, cnf: { jwk: callerJwk } }, { typ: 'wit+jwt' }),
    'unbound-with-scope': () => signer.signExactly({ ...unbound, sub: 'alice', scope: 'invoices:read' }),

    opaque: () => 'opaque-token-of-orders',

    // refused
    'opaque-inactive': () => 'opaque-token-of-nobody',
    expired: () => bound({ exp: now - 31 }),
    'not-yet-valid': () => bound({ nbf: now + 31 }),
    'issued-in-future': () => bound({ iat: now + 31 }),
    'other-audience': () => bound({ aud: 'shipping' }),
    'audience-as-prefix': () => bound({ aud: `${AUDIENCE}.evil` }),
    'other-issuer': () => bound({ iss: 'https://evil.example' }),
    'issuer-with-slash': () => bound({ iss: `${ISSUER}/` }),
    'foreign-subject': () => bound({ sub: 'spiffe://evil.example/orders' }),
    'no-expiry': () => without('exp'),
    'no-subject': () => without('sub'),
    'no-audience': () => without('aud'),
    'no-issuer': () => without('iss'),
    'expiry-as-text': () => bound({ exp: String(now + 3600) }),
    'not-before-as-text': () => bound({ nbf: 'now' }),
    'subject-as-number': () => bound({ sub: 7 }),
    'confirmation-as-text': () => bound({ cnf: 'none' }),
    'claims-as-list': () => signer.signExactly([claims]),
    'bound-to-another': () => bound({ cnf: { 'x5t#S256': certificates.of('shipping')['x5t#S256'] } }),
    'bound-by-other-means': () => bound({ cnf: { jkt: orders['x5t#S256'] } }),
    'unbound-orders': () => signer.signExactly(unbound),
    revoked: () => bound({ jti: 'jti-revoked' }),
    'wrong-type': () => bound({}, { typ: 'JWT' }),
    'no-type': () => bound({}, { typ: undefined }),
    'critical-extension': () => bound({}, { crit: ['b64'], b64: false }),
    'embedded-key': () => bound({}, { jwk: createTokenSigner({ issuer: ISSUER }).jwks().keys[0] }),
    'unknown-key': () => bound({}, { kid: 'nobody' }),
    'key-of-prototype': () => bound({}, { kid: '__proto__' }),
    'key-of-another': () => createTokenSigner({ issuer: ISSUER, clock, keyId: signer.jwks().keys[0]?.kid ?? '' }).signExactly(claims),
    'algorithm-none': () => `${encode({ alg: 'none', typ: 'at+jwt' })}.${payload}.`,
    'algorithm-none-with-signature': () => `${encode({ alg: 'nOnE', typ: 'at+jwt' })}.${payload}.${signature}`,
    'signature-cut-off': () => `${head}.${payload}.`,
    'symmetric-with-public-key': () => {
      const input = `${encode({ alg: 'HS256', typ: 'at+jwt', kid: signer.jwks().keys[0]?.kid })}.${payload}`
      return `${input}.${createHmac('sha256', JSON.stringify(signer.jwks().keys[0])).update(input).digest('base64url')}`
    },
    'algorithm-not-accepted': () => bound({}, { alg: 'ES512' }),
    'signature-flipped': () => `${head}.${payload}.${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`,
    'payload-changed': () => `${head}.${encode({ ...claims, sub: idOf('/admin') })}.${signature}`,
    'four-segments': () => `${head}.${payload}.${signature}.x`,
    'not-base64url': () => `${head}.${payload}=.${signature}`,
    'not-json': () => `${text('hello')}.${payload}.${signature}`,
    'member-twice': () => `${text('{"alg":"none","alg":"ES256","typ":"at+jwt"}')}.${payload}.${signature}`,
    garbage: () => 'garbage',
    'too-large': () => bound({ padding: 'x'.repeat(MAX_TOKEN_BYTES) }),
  }
}
