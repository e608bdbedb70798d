import type { CaCertificate } from './ca-certificate.js'

/** Anchors that vouch for the same names. */
export interface AnchorSet {
  readonly anchors: readonly CaCertificate[]
  has(fingerprint: string): boolean
  withSubject(subjectKey: string): readonly CaCertificate[]
}

export function createAnchorSet(anchors: readonly CaCertificate[]): AnchorSet {
  const byFingerprint = new Map(anchors.map((anchor) => [anchor.fingerprint, anchor]))
  const bySubject = new Map<string, CaCertificate[]>()
  for (const anchor of byFingerprint.values()) {
    const named = bySubject.get(anchor.certificate.subjectKey)
    if (named === undefined) bySubject.set(anchor.certificate.subjectKey, [anchor])
    else named.push(anchor)
  }
  return {
    anchors: [...byFingerprint.values()],
    has: (fingerprint) => byFingerprint.has(fingerprint),
    withSubject: (subjectKey) => bySubject.get(subjectKey) ?? [],
  }
}
