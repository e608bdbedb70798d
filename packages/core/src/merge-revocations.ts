import type { RevocationEntry } from './state-store.js'

/** What two entries of one kind and id revoke together: the later moments count. The one that was known, where the other adds nothing. */
export function mergeRevocations(known: RevocationEntry, other: RevocationEntry): RevocationEntry {
  if (other.issuedBeforeMs <= known.issuedBeforeMs && other.untilMs <= known.untilMs) return known
  return Object.freeze({
    ...known,
    issuedBeforeMs: Math.max(known.issuedBeforeMs, other.issuedBeforeMs),
    untilMs: Math.max(known.untilMs, other.untilMs),
  })
}
