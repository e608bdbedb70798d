export { parseSpiffeId, parseTrustDomain, type SpiffeId, type TrustDomain } from '@countersign/core'
export type { CertificateInput } from './certificate/certificate-input.js'
export { parseCertificate } from './certificate/parse-certificate.js'
export type { DenyListOptions } from './deny-list.js'
export { pemBlocks } from './der/pem.js'
export { parseApiGatewayContext, parseApiGatewayEvent } from './forwarded/api-gateway.js'
export { parseBase64Der, parseBase64List } from './forwarded/base64-der.js'
export { parseClientCert } from './forwarded/client-cert.js'
export { parseEscapedPem, parseEscapedPemChain } from './forwarded/escaped-pem.js'
export { parseFoldedPem, parsePemOrBase64 } from './forwarded/folded-pem.js'
export type {
  ForwardedCertificateEvidence,
  ForwardedEvidence,
  ForwardedFields,
  ForwardedFormat,
  ForwardedFormatName,
  ForwardedIdentityEvidence,
  ForwardedResult,
} from './forwarded/format.js'
export { FORWARDED_FORMATS } from './forwarded/formats.js'
export { FORWARDED_FIELDS } from './forwarded/forwarded-field-names.js'
export type { ForwardedFrom, ForwardedOptions, SubjectMatch } from './forwarded/forwarded-options.js'
export { parseLinkerdIdentity } from './forwarded/linkerd-identity.js'
export { type ParseForwardedOptions, parseForwarded } from './forwarded/parse-forwarded.js'
export { parseXfcc } from './forwarded/xfcc.js'
export { parseXfccJson } from './forwarded/xfcc-json.js'
export type {
  BundleEndpointOptions,
  CertificateRevocationOptions,
  CrlOptions,
  IdentityKind,
  MtlsOptions,
  OcspOptions,
  SpiffeBundleEndpoint,
  TrustAnchorFile,
  TrustAnchors,
  WebBundleEndpoint,
} from './options.js'
export type { ChainRequest, PolicyRequest, RevocationRequest } from './path/chain-request.js'
export type { ReferenceName } from './path/match-names.js'
export type { TrustAnchorKey } from './path/trust-anchor-key.js'
export {
  type AnchoredChainRequest,
  type ChainResult,
  type ChainVerifier,
  createChainVerifier,
  verifyChain,
} from './path/verify-chain.js'
export { type CredentialRequest, type CredentialResult, verifyCredential } from './path/verify-credential.js'
export { createOcspRequest, type OcspRequest, type OcspRequestOptions } from './revocation/ocsp-request.js'
export { parseRevocationList, type RevocationListMetadata } from './revocation/parse-revocation-list.js'
export { type VerifiedCrl, type VerifyCrlOptions, verifyCrl } from './revocation/verify-crl.js'
export { type VerifiedOcspResponse, type VerifyOcspResponseOptions, verifyOcspResponse } from './revocation/verify-ocsp-response.js'
export type { BundleJwk } from './trust/bundle-key.js'
export { createFileSource, type FileSource, type FileSourceOptions, type LoadedFile } from './trust/file-source.js'
export { parseSpiffeBundle, type SpiffeBundle } from './trust/parse-spiffe-bundle.js'
export { parseSpiffeBundleMap } from './trust/parse-spiffe-bundle-map.js'
export { type CertificateVerifier, createPeerVerifier } from './verifier.js'
