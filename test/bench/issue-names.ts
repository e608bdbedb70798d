/** Whose signing is timed. Read by the report too, which loads none of them. */
export const ISSUER_NAME = {
  bare: 'bare `crypto.sign`, bytes and key at hand',
  background: 'bare `crypto.sign` on the thread pool',
  ring: 'Countersign, `accessTokenClaims` and `KeyRing.sign`, on the thread pool',
  signer: 'Countersign, `TokenSigner.sign`',
  jose: 'jose 6, `SignJWT`',
  fast: 'fast-jwt 6, `createSigner`',
} as const
