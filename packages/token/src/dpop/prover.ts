import { createHash } from 'node:crypto'
import { type Clock, isRefusal, type Refusal, refuse } from '@countersign/core'
import { isSame } from '../binding.js'
import { tokenOf } from '../credentials.js'
import type { Entry } from '../entry.js'
import type { Prover } from '../proof/prover.js'
import type { DpopRules } from './options.js'
import { createProofCheck } from './proof-check.js'
import { type DpopProof, readDpopProof } from './read-proof.js'

const OTHER_TOKEN = Object.freeze(refuse('ERR_PROOF_TOKEN'))
const OTHER_KEY = Object.freeze(refuse('ERR_PROOF_BINDING'))

/** Verifies DPoP proofs of requests with a token (RFC 9449 §4.3), each once and for one request. */
export function createDpopProver(rules: DpopRules, clock: Clock): Prover {
  const { check, fieldsFor } = createProofCheck(rules, clock)

  return {
    read(inbound) {
      const proof = readDpopProof(inbound, rules, clock.nowMs(), true)
      return 'refused' in proof ? proof : (entry) => verify(proof, entry, (boundTo) => check(proof, inbound, boundTo))
    },
    ...(rules.nonce === null ? {} : { fieldsFor }),
  }
}

async function verify(
  proof: DpopProof,
  { field, token }: Entry,
  check: (boundTo: string) => Promise<string | Refusal>,
): Promise<Refusal | null> {
  // RFC 9449 §4.3, check 12: this token, and this key.
  if (proof.ath === null || !isSame(proof.ath, createHash('sha256').update(tokenOf(field)).digest('base64url'))) return OTHER_TOKEN
  if (token.boundToKey === null) return OTHER_KEY
  const checked = await check(token.boundToKey)
  return isRefusal(checked) ? checked : null
}
