import type { CertificateInput } from '../certificate/certificate-input.js'
import { dersOfEvidence } from '../der/evidence-bytes.js'
import { createCrlSource } from './crl-source.js'
import { readCrl } from './read-crl.js'
import type { RevocationSource } from './revocation.js'

export interface GivenCrlRules {
  readonly nowMs: number
  readonly skewMs: number
  readonly hashBits: number
}

/** What CRLs that were handed in know. Evidence like the certificates: what cannot be read or used answers for nobody. */
export function revocationFromCrls(crls: readonly CertificateInput[], { nowMs, skewMs, hashBits }: GivenCrlRules): RevocationSource {
  const usable = crls
    .flatMap((crl) => dersOfEvidence(crl, 'X509 CRL') ?? [])
    .filter((der) => {
      const crl = readCrl(der)
      return typeof crl !== 'string' && crl.unusable === null
    })
  const hooks = {
    intervalMs: 0,
    nowMs: () => nowMs,
    onReloaded() {},
    onFailed() {},
    authorities: () => [],
    fetch: () => Promise.reject(new Error('what was handed in is all there is')),
  }
  const crl = { kind: 'source', source: { get: () => usable, epoch: 0 } } as const
  return createCrlSource({ option: 'crls', crl, optional: true, skewMs, hashBits }, hooks)
}
