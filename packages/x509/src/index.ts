export type { BundleJwk } from './bundle-key.js'
export { createFileSource, type FileSource, type FileSourceOptions, type LoadedFile } from './file-source.js'
export type {
  BundleEndpointOptions,
  CertificateRevocationOptions,
  IdentityKind,
  MtlsOptions,
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
export { type CertificateVerifier, createPeerVerifier } from './verifier.js'
