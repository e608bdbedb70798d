/** Ways to judge a chain, by the words of the report. */
export const COLD = {
  own: 'Countersign, `verifyChain`, all from DER',
  kept: 'Countersign, `createChainVerifier`, authorities seen before, the leaf new',
  verifier: 'Countersign, `createPeerVerifier`, its first sight of leaf and intermediate',
  ready: 'two bare `crypto.verify`, keys made before',
  numbers: 'two bare `crypto.verify`, keys made from their numbers (JWK)',
  bytes: 'two bare `crypto.verify`, keys given as they stand (SubjectPublicKeyInfo)',
  pkijs: 'pkijs 4, `CertificateChainValidationEngine`, all from DER',
  peculiar: '@peculiar/x509 2, `X509ChainBuilder`, all from DER',
} as const
