export { parseSpiffeId, parseTrustDomain, type SpiffeId, type TrustDomain } from '@countersign/core'
export type { CertificateInput } from './certificate-input.js'
export type { ChainRequest, PolicyRequest, RevocationRequest } from './chain-request.js'
export { createFileSource, type FileSource, type FileSourceOptions, type LoadedFile } from './file-source.js'
export type { ReferenceName } from './match-names.js'
export type { CertificateRevocationOptions, IdentityKind, MtlsOptions, TrustAnchors } from './options.js'
export { parseCertificate } from './parse-certificate.js'
export { parseRevocationList, type RevocationListMetadata } from './parse-revocation-list.js'
export { pemBlocks } from './pem.js'
export type { TrustAnchorKey } from './trust-anchor-key.js'
export { type CertificateVerifier, createPeerVerifier } from './verifier.js'
export {
  type AnchoredChainRequest,
  type ChainResult,
  type ChainVerifier,
  createChainVerifier,
  verifyChain,
} from './verify-chain.js'
export { type CredentialRequest, type CredentialResult, verifyCredential } from './verify-credential.js'
