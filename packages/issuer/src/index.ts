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
export type { KeyRing } from './key-ring.js'
export type { RevocationListRequest, RevocationReason } from './revocation-list.js'
export type { SignatureHash } from './signature-algorithm.js'
export type { PublicJwk, SigningAlgorithm } from './signing-key.js'
export { createTokenSigner, type TokenRequest, type TokenSigner, type TokenSignerOptions } from './token-signer.js'
export { type WrittenCredential, writeCredential, writeSecretFile } from './write-credential.js'
