export type { Algorithm } from './algorithm.js'
export { type CreateApiKeyOptions, createApiKey } from './api-key/create-key.js'
export type { IssuedApiKey } from './api-key/issued-key.js'
export type { KeyHash, MakeKeyHash } from './api-key/key-hash.js'
export type { ApiKeyLockOptions } from './api-key/lock-options.js'
export type { ApiKeyDirectory, ApiKeyOptions } from './api-key/options.js'
export { type ApiKeyRecord, type ReplacedKey, readKeyRecord } from './api-key/record.js'
export { type ApiKeyRotation, type RotateApiKeyOptions, rotateApiKey } from './api-key/rotate-key.js'
export { createApiKeyVerifier } from './api-key/verifier.js'
export type { Binding } from './binding.js'
export {
  type ClientAssertion,
  type ClientAssertionOptions,
  type ClientAssertionVerifier,
  createClientAssertionVerifier,
  subjectOfAssertion,
} from './client-assertion.js'
export { type DecodedToken, decodeToken } from './decode.js'
export type { NonceOptions } from './dpop/nonce.js'
export type { DpopOptions } from './dpop/options.js'
export { createDpopProofVerifier, type DpopProofVerifier } from './dpop/proof-verifier.js'
export type { TokenType } from './header.js'
export type { ClientAuthentication } from './introspection/client-authentication.js'
export type { IntrospectedOptions, IntrospectionOptions } from './introspection/options.js'
export { type VerifiedJws, verifyCompactJws } from './jws.js'
export type { DiscoveredKeys, JwtOptions, KeysOption, RemoteKeys, RemoteKeysTimes, RevocationOptions, StaleFor } from './options.js'
export type { TokenIssuer } from './token-issuer.js'
export { type KeyFlaw, keyFromJwk, SIGNING_USES, type VerificationKey } from './verification-key.js'
export { createTokenVerifier } from './verifier.js'
export type { WptOptions } from './wimse/options.js'
