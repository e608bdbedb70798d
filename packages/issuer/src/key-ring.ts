import type { PublicJwk, SigningAlgorithm } from './signing-key.js'

/** The private keys of an issuer: one that signs, and those before it, whose public parts are published until their last token has expired. */
export interface KeyRing {
  readonly algorithm: SigningAlgorithm
  /** Of the key that signs now. */
  readonly kid: string
  /** Grows with every rotation. */
  readonly epoch: number
  /**
   * Signs claims as they are, under a header of `alg`, `kid` and this `typ`. In the background: the event loop goes on.
   * @returns a compact JWS.
   */
  sign(typ: string, claims: Readonly<Record<string, unknown>>): Promise<string>
  /** The public keys that verify: the one that signs, the next one where it is made already, and the retired until nothing they signed is alive. */
  jwks(): { readonly keys: readonly PublicJwk[] }
  /**
   * Signs with a new key from now on.
   * @param overlapSeconds how long the old one still verifies. Default: as long as a token may live; 0 for a key that is not safe any more.
   */
  rotate(overlapSeconds?: number): Promise<void>
  close(): Promise<void>
}
