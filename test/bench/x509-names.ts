/** Ways to judge a chain, by the words of the report. */
export const COLD = {
  own: 'Countersign, `verifyChain` from DER',
  verifier: 'Countersign, a new verifier’s first sight of the leaf, anchors read before',
  ready: 'two `crypto.verify`, keys made before',
  bytes: 'two `crypto.verify`, keys given as bytes',
  pkijs: 'pkijs 4, `CertificateChainValidationEngine` from DER',
  peculiar: '@peculiar/x509 2, `X509ChainBuilder` from DER',
} as const
