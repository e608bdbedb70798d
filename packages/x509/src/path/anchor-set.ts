import type { CaCertificate } from '../certificate/ca-certificate.js'
import { sameBytes } from '../der/der-values.js'

/** Anchors that vouch for the same names. */
export interface AnchorSet {
  readonly anchors: readonly CaCertificate[]
  has(fingerprint: string): boolean
  /** @param subjectKey Name after RFC 5280 §7.1. */
  withSubject(subjectKey: string): readonly CaCertificate[]
}

export function createAnchorSet(anchors: readonly CaCertificate[]): AnchorSet {
  const bySubject = new Map<string, CaCertificate[]>()
  const distinct: CaCertificate[] = []
  for (const anchor of anchors) {
    const { subjectKey } = anchor.certificate
    const named = bySubject.get(subjectKey)
    if (named?.some((known) => isSameAnchor(known, anchor))) continue
    if (named === undefined) bySubject.set(subjectKey, [anchor])
    else named.push(anchor)
    distinct.push(anchor)
  }
  let fingerprints: ReadonlySet<string> | null = null
  return {
    anchors: distinct,
    has(fingerprint) {
      fingerprints ??= new Set(distinct.map((anchor) => anchor.fingerprint))
      return fingerprints.has(fingerprint)
    },
    withSubject: (subjectKey) => bySubject.get(subjectKey) ?? NONE,
  }
}

const NONE: readonly CaCertificate[] = Object.freeze([])

// Without certificates of their own (an empty DER) they are told apart by their keys.
function isSameAnchor(a: CaCertificate, b: CaCertificate): boolean {
  return a === b || (sameBytes(a.certificate.der, b.certificate.der) && sameBytes(a.certificate.key.spki, b.certificate.key.spki))
}
