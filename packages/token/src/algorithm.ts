/** What a key must be to carry an algorithm: RSA, one curve, or one set of ML-DSA parameters. */
export type KeyKind = 'RSA' | 'P-256' | 'P-384' | 'P-521' | 'Ed25519' | 'ML-DSA-44' | 'ML-DSA-65' | 'ML-DSA-87'

// RFC 7518 §3.1, RFC 8037, RFC 9864, RFC 9964. Each algorithm goes with keys of one kind, so that no token can choose what a key is used
// for (RFC 8725 §3.1). HMAC and `none` are not in the table and therefore cannot be configured.
const KIND_OF = {
  RS256: 'RSA',
  RS384: 'RSA',
  RS512: 'RSA',
  PS256: 'RSA',
  PS384: 'RSA',
  PS512: 'RSA',
  ES256: 'P-256',
  ES384: 'P-384',
  ES512: 'P-521',
  Ed25519: 'Ed25519',
  EdDSA: 'Ed25519',
  'ML-DSA-44': 'ML-DSA-44',
  'ML-DSA-65': 'ML-DSA-65',
  'ML-DSA-87': 'ML-DSA-87',
} as const satisfies Record<string, KeyKind>

/** A signature algorithm that an issuer can be configured with, by its JOSE name. */
export type Algorithm = keyof typeof KIND_OF

/** Every {@link Algorithm}. */
export const ALGORITHMS: readonly Algorithm[] = Object.freeze(Object.keys(KIND_OF) as Algorithm[])

/** Algorithms of an issuer whose options name none: those that every supported Node verifies, and that are verified in a tenth of a millisecond. */
export const DEFAULT_ALGORITHMS: readonly Algorithm[] = Object.freeze<Algorithm[]>(['ES256', 'RS256', 'PS256', 'Ed25519'])

/** Algorithms of JWT-SVIDs (JWT-SVID §2.1): RSA and ECDSA alone. */
export const SVID_ALGORITHMS: readonly Algorithm[] = Object.freeze(ALGORITHMS.filter((name) => /^(?:RSA|P-)/.test(KIND_OF[name])))

/** The algorithms that a key of this kind can carry. */
export function algorithmsOf(kind: KeyKind): readonly Algorithm[] {
  return ALGORITHMS.filter((name) => KIND_OF[name] === kind)
}

/** Is this the name of an {@link Algorithm}? Compared as it is written. */
export function isAlgorithm(name: string): name is Algorithm {
  return Object.hasOwn(KIND_OF, name)
}
