import { createHash } from 'node:crypto'
import type { Clock } from '@countersign/core'
import { createTokenSigner, type TokenSigner } from '@countersign/issuer'
import type { Field } from './raw-http1.js'
import type { TokenKind, Tokens } from './tokens.js'

/** Where callers know the service by: neither the authority nor the port that the rows send to. */
export const ORIGIN = 'https://billing.prod.example'
export const NONCE_SECRET = 'thirty-two bytes that nobody knows'

/** What rows send beside a token that is bound to a key: the fields of both. */
export interface Proofs {
  /** With an id of its own each time. */
  of(kind: ProofKind): readonly Field[]
}

export type ProofKind = keyof ReturnType<typeof recipes>

/** A key of a caller, that tokens may be bound to. */
export function createCallerKey(clock: Clock): TokenSigner {
  return createTokenSigner({ issuer: 'the caller itself', clock })
}

/** Its public part, and nothing but that. */
export function publicJwkOf(key: TokenSigner): Readonly<Record<string, unknown>> {
  const { kid, use, alg, ...jwk } = { use: undefined, ...key.jwks().keys[0] }
  return jwk
}

export function createProofs(tokens: Tokens, key: TokenSigner, clock: Clock): Proofs {
  const recipe = recipes(tokens, key, clock)
  return { of: (kind) => recipe[kind]() }
}

function recipes(tokens: Tokens, key: TokenSigner, clock: Clock) {
  const jwk = publicJwkOf(key)
  const stranger = createCallerKey(clock)
  const nowSeconds = (): number => Math.floor(clock.nowMs() / 1000)
  let proofs = 0

  function dpop(claims: object = {}, header: object = {}, signer = key): string {
    const all = {
      jti: `proof-${proofs++}`,
      htm: 'GET',
      htu: `${ORIGIN}/`,
      iat: nowSeconds(),
      ath: hashOf(tokens.of('bound-to-key')),
      ...claims,
    }
    return signer.signExactly(all, { typ: 'dpop+jwt', kid: undefined, jwk, ...header })
  }
  function wpt(claims: object = {}, header: object = {}): string {
    const wth = hashOf(tokens.of('workload'))
    return key.signExactly(
      { jti: `proof-${proofs++}`, aud: `${ORIGIN}/`, exp: nowSeconds() + 60, wth, ...claims },
      { typ: 'wpt+jwt', kid: undefined, ...header },
    )
  }
  const withProof = (proof: string, token: TokenKind = 'bound-to-key'): readonly Field[] => [
    ['Authorization', `DPoP ${tokens.of(token)}`],
    ['DPoP', proof],
  ]
  const withWpt = (proof: string): readonly Field[] => [
    ['Workload-Identity-Token', tokens.of('workload')],
    ['Authorization', `WPT ${proof}`],
  ]
  const flipped = (jws: string): string => {
    const at = jws.lastIndexOf('.') + 1
    return `${jws.slice(0, at)}${jws[at] === 'A' ? 'B' : 'A'}${jws.slice(at + 1)}`
  }

  return {
    good: () => withProof(dpop()),
    'with certificate': () => withProof(dpop({ ath: hashOf(tokens.of('bound-to-both')) }), 'bound-to-both'),
    'as bearer': (): readonly Field[] => [['Authorization', `Bearer ${tokens.of('bound-to-key')}`], ...withProof(dpop()).slice(1)],
    'of unbound token': () => withProof(dpop({ ath: hashOf(tokens.of('unbound')) }), 'unbound'),
    'for expired token': () => withProof(dpop(), 'expired-bound-to-key'),
    missing: () => withProof(dpop()).slice(0, 1),
    twice: () => [...withProof(dpop()), ['DPoP', dpop()] as const],
    'too large': () => withProof(dpop({ padding: 'x'.repeat(8192) })),
    garbage: () => withProof('garbage'),
    'other type': () => withProof(dpop({}, { typ: 'JWT' })),
    'without signature': () => withProof(dpop({}, { alg: 'none' })),
    'with private key': () => withProof(dpop({}, { jwk: { ...jwk, d: jwk['x'] } })),
    'signature flipped': () => withProof(flipped(dpop())),
    'without jti': () => withProof(dpop({ jti: undefined })),
    'jti too long': () => withProof(dpop({ jti: 'j'.repeat(257) })),
    'for POST': () => withProof(dpop({ htm: 'POST' })),
    'for another path': () => withProof(dpop({ htu: `${ORIGIN}/other` })),
    'for another host': (): readonly Field[] => [
      ...withProof(dpop({ htu: 'https://evil.example/' })),
      ['X-Forwarded-Host', 'evil.example'],
      ['X-Forwarded-Proto', 'https'],
    ],
    'for another token': () => withProof(dpop({ ath: hashOf('another') })),
    'of another key': () => withProof(dpop({}, { jwk: publicJwkOf(stranger) }, stranger)),
    'too old': () => withProof(dpop({ iat: nowSeconds() - 60 })),
    'of the future': () => withProof(dpop({ iat: nowSeconds() + 6 })),

    workload: () => withWpt(wpt()),
    'workload alone': () => withWpt(wpt()).slice(0, 1),
    'workload in Authorization': (): readonly Field[] => [['Authorization', `Bearer ${tokens.of('workload')}`]],
    'workload twice': () => [...withWpt(wpt()), ['Authorization', `WPT ${wpt()}`] as const],
    'workload proof flipped': () => withWpt(flipped(wpt())),
    'workload proof for another path': () => withWpt(wpt({ aud: `${ORIGIN}/other` })),
    'workload proof of another algorithm': () => withWpt(wpt({}, { alg: 'RS256' })),
    'workload transaction uncovered': (): readonly Field[] => [...withWpt(wpt()), ['Txn-Token', 'a.transaction.token']],
    'workload transaction covered': (): readonly Field[] => [
      ...withWpt(wpt({ tth: hashOf('a.transaction.token') })),
      ['Txn-Token', 'a.transaction.token'],
    ],
  } as const satisfies Record<string, () => readonly Field[]>
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url')
}
