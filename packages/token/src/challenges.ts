import { BEARER_CHALLENGE, type Challenge } from '@countersign/core'
import type { IssuerRules } from './options.js'

// draft-ietf-wimse-wpt-02 §3: without parameters.
const WPT: Challenge = Object.freeze({ scheme: 'WPT', parameters: '', errors: Object.freeze([]) })

/** The schemes that tokens of these issuers are accepted under, as `WWW-Authenticate` names them. */
export function challengesOf(issuers: readonly IssuerRules[]): readonly Challenge[] {
  const algorithms = new Set(issuers.flatMap(({ dpop }) => (dpop === null ? [] : [...dpop.algorithms])))
  return Object.freeze([
    // Where every token must be bound to a key, none is a bearer token.
    ...(issuers.some(({ binding, proof }) => proof === null && binding !== 'dpop') ? [BEARER_CHALLENGE] : []),
    ...(algorithms.size === 0 ? [] : [dpopChallenge([...algorithms])]),
    ...(issuers.some(({ proof }) => proof !== null) ? [WPT] : []),
  ])
}

/** RFC 9449 §7.1. */
function dpopChallenge(algorithms: readonly string[]): Challenge {
  return Object.freeze({
    scheme: 'DPoP',
    parameters: `algs="${algorithms.join(' ')}"`,
    errors: Object.freeze([...BEARER_CHALLENGE.errors, 'invalid_dpop_proof', 'use_dpop_nonce']),
  })
}
