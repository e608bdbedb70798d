export { parseSpiffeId, parseTrustDomain, type SpiffeId, type TrustDomain } from '@countersign/core'
export type { BundleJwk } from './bundle-key.js'
export type { CertificateInput } from './certificate-input.js'
export type { ChainRequest, PolicyRequest, RevocationRequest } from './chain-request.js'
export { createFileSource, type FileSource, type FileSourceOptions, type LoadedFile } from './file-source.js'
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
export { parseLinkerdIdentity } from './forwarded/linkerd-identity.js'
export { type ParseForwardedOptions, parseForwarded } from './forwarded/parse-forwarded.js'
export { parseXfcc } from './forwarded/xfcc.js'
export { parseXfccJson } from './forwarded/xfcc-json.js'
export { FORWARDED_FIELDS } from './forwarded-field-names.js'
export type { ForwardedFrom, ForwardedOptions, SubjectMatch } from './forwarded-options.js'
export type { ReferenceName } from './match-names.js'
export { createOcspRequest, type OcspRequest, type OcspRequestOptions } from './ocsp-request.js'
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
export { parseCertificate } from './parse-certificate.js'
export { parseRevocationList, type RevocationListMetadata } from './parse-revocation-list.js'
export { parseSpiffeBundle, type SpiffeBundle } from './parse-spiffe-bundle.js'
export { parseSpiffeBundleMap } from './parse-spiffe-bundle-map.js'
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
export { type VerifiedCrl, type VerifyCrlOptions, verifyCrl } from './verify-crl.js'
export { type VerifiedOcspResponse, type VerifyOcspResponseOptions, verifyOcspResponse } from './verify-ocsp-response.js'
