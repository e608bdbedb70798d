import type { PathRules, Purpose } from './path/check-path.js'
import { MAX_DEPTH } from './path/find-path.js'
import { ANY_POLICIES } from './path/policy-graph.js'

const STRICT = Object.freeze({
  allowsCaAsLeaf: false,
  enforcesAnchorDates: true,
  enforcesAnchorExtensions: true,
  policies: ANY_POLICIES,
  maxDepth: MAX_DEPTH,
})

/**
 * How the leaf of a workload is judged, whatever it is to be good for. X.509-SVID §4.3: it may not sign CRLs. RFC 5280 §4.2.1.12: what is
 * good for anything is not said to be good for this.
 */
export function leafRules(
  { skewMs, rsaBits, hashBits }: Pick<PathRules, 'skewMs' | 'rsaBits' | 'hashBits'>,
  purpose: Omit<Purpose, 'leafMay'>,
  nowMs: number,
): PathRules {
  return { ...STRICT, purpose: { ...purpose, leafMay: ['lack-usage'] }, nowMs, skewMs, rsaBits, hashBits }
}
