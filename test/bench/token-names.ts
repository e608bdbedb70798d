/** Whose verification is timed. Read by the report too, which loads none of them. */
export const VERIFIER = {
  bare: 'bare `crypto.verify`, bytes and key at hand',
  own: 'Countersign, `TokenVerifier`',
  jose: 'jose 6, `jwtVerify`',
  fast: 'fast-jwt 6, `createVerifier`',
} as const

export const WARM = {
  connection: 'Countersign, the token that the connection brought last',
  elsewhere: 'Countersign, 16 tokens taking turns on one connection',
  fast: 'fast-jwt 6, `cache: true`',
  plain: 'fast-jwt 6, `cache: true`, keyed by the token itself',
} as const
