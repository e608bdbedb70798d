export type { Algorithm } from './algorithm.js'
export {
  type ClientAssertion,
  type ClientAssertionOptions,
  type ClientAssertionVerifier,
  createClientAssertionVerifier,
  subjectOfAssertion,
} from './client-assertion.js'
export { type DecodedToken, decodeToken } from './decode.js'
export type { TokenType } from './header.js'
export { type VerifiedJws, verifyCompactJws } from './jws.js'
export type { JwtOptions, KeysOption, RemoteKeys, RevocationOptions, StaleFor } from './options.js'
export { type KeyFlaw, keyFromJwk, SIGNING_USES, type VerificationKey } from './verification-key.js'
export { createTokenVerifier } from './verifier.js'
