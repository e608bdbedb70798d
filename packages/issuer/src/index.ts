export {
  type AccessTokenClaims,
  type AccessTokenRequest,
  type ActorClaim,
  accessTokenClaims,
  type TokenBinding,
} from './access-token-claims.js'
export { createDevAuthority, createSelfSigned, type DevAuthority, type DevAuthorityOptions, openDevAuthority } from './dev-authority.js'
export {
  type AlternativeNames,
  crlDistributionPointsExtension,
  type ExtendedKeyUsage,
  type Extension,
  nameConstraintsExtension,
} from './extension.js'
export type { IssueRequest } from './issue-request.js'
export type { IssuedCertificate, IssuingRuntime } from './issued-certificate.js'
export type { KeyKind } from './key-pair.js'
export { createKeyRing, type KeyRing } from './key-ring.js'
export type { KeyRingOptions } from './key-ring-options.js'
export type { KeysSource } from './key-supply.js'
export type { KeyVersion } from './key-versions.js'
export type { Signer } from './remote-signer.js'
export type { CrlReason, RevocationListRequest } from './revocation-list.js'
export type { SignatureHash } from './signature-algorithm.js'
export type { SigningAlgorithm } from './signing-algorithm.js'
export type { PublicJwk } from './signing-key.js'
export { createTokenSigner, type TokenRequest, type TokenSigner, type TokenSignerOptions } from './token-signer.js'
export { type WrittenCredential, writeCredential, writeSecretFile } from './write-credential.js'
