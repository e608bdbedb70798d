import { isJsonObject, isSha256Thumbprint, type JsonObject, type JsonValue, type Refusal, refuse } from '@countersign/core'
import type { IssuerRules } from './options.js'

/** What a token is bound to, as its `cnf` says (RFC 7800 §3.1). */
export interface Confirmation {
  /** `x5t#S256`: a certificate (RFC 8705 §3.1). */
  readonly boundTo: string | null
  /** `jkt`: a key (RFC 9449 §6.1). */
  readonly boundToKey: string | null
  /** `jwk`, of a Workload Identity Token: the key itself, not imported. */
  readonly jwk: JsonObject | null
}

const UNBOUND: Confirmation = Object.freeze({ boundTo: null, boundToKey: null, jwk: null })
const INVALID = Object.freeze(refuse('ERR_TOKEN_CLAIM_INVALID', Object.freeze({ claim: 'cnf' })))
const MISSING = Object.freeze(refuse('ERR_TOKEN_CLAIM_MISSING', Object.freeze({ claim: 'cnf' })))
const UNKNOWN_BINDING = Object.freeze(
  refuse('ERR_TOKEN_BINDING', Object.freeze({ reason: 'it is bound by a method that is not understood' })),
)

/**
 * Reads a `cnf`. Every member that is understood must hold, and one must be: a token that is bound in some other way alone is never a
 * bearer token. Others beside it are ignored, as RFC 7800 §3.1 has it.
 */
export function readConfirmation(cnf: JsonValue | undefined, rules: Pick<IssuerRules, 'proof'>): Confirmation | Refusal {
  if (cnf === undefined) return rules.proof === null ? UNBOUND : MISSING
  if (!isJsonObject(cnf)) return INVALID
  const { 'x5t#S256': certificate, jkt, jwk } = cnf
  if ((certificate !== undefined && !isSha256Thumbprint(certificate)) || (jkt !== undefined && !isSha256Thumbprint(jkt))) return INVALID
  const boundTo = certificate ?? null
  if (rules.proof !== null) {
    // draft-ietf-wimse-workload-creds-02 §5.1: the key, and in it the algorithm that it is used with.
    if (!isJsonObject(jwk) || typeof jwk['alg'] !== 'string') return INVALID
    return rules.proof.algorithms.has(jwk['alg']) ? { boundTo, boundToKey: null, jwk } : INVALID
  }
  if (boundTo === null && jkt === undefined) return Object.keys(cnf).length === 0 ? INVALID : UNKNOWN_BINDING
  return { boundTo, boundToKey: jkt ?? null, jwk: null }
}
