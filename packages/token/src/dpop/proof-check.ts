import {
  type Clock,
  createMemoryReplayStore,
  type Headers,
  type Inbound,
  isRefusal,
  jwkThumbprint,
  type Refusal,
  refuse,
} from '@countersign/core'
import { LRUCache } from 'lru-cache'
import { isSame } from '../binding.js'
import { matchSignature } from '../match-signature.js'
import { claimOnce } from '../proof/claim-once.js'
import { type KeyFlaw, keyFromJwk, SIGNING_USES, type VerificationKey } from '../verification-key.js'
import { createNonces } from './nonce.js'
import type { DpopRules } from './options.js'
import type { DpopProof } from './read-proof.js'

/** The checks of a DPoP proof that take cryptography, and those that come after them. */
export interface ProofCheck {
  /**
   * Checks the nonce and the signature, and uses the proof up.
   * @param boundTo thumbprint of the key that must have made it; `null`: whichever it is.
   * @returns the thumbprint of its key.
   */
  check(proof: DpopProof, inbound: Inbound, boundTo: string | null): Promise<string | Refusal>
  /** The nonce that the answer to a request tells; `null`: none. */
  fieldsFor(inbound: Inbound): Headers | null
}

// Keys of callers whose proofs were good, by the header that they came in. Importing one takes as long as verifying with it.
const MAX_KEYS = 2000
const MAX_KEY_BYTES = 8 * 1024 * 1024
// What a key takes beside the text of its header. Measured, rounded up.
const KEY_BYTES = 2048

const OTHER_KEY = Object.freeze(refuse('ERR_PROOF_BINDING'))
const WRONG_ALGORITHM = Object.freeze(refuse('ERR_PROOF_ALGORITHM'))
const WRONG_SIGNATURE = Object.freeze(refuse('ERR_PROOF_SIGNATURE'))
const OTHER_NONCE = Object.freeze(refuse('ERR_PROOF_NONCE'))

/** Makes the checks (RFC 9449 §4.3), for proofs with a token and without. */
export function createProofCheck(rules: DpopRules, clock: Clock): ProofCheck {
  const replay = rules.replay ?? createMemoryReplayStore({ clock })
  const nonces = rules.nonce === null ? null : createNonces(rules.nonce, rules.futureMs)
  const keys = new LRUCache<string, VerificationKey>({ max: MAX_KEYS, maxSize: MAX_KEY_BYTES })
  const told = new WeakMap<Inbound, Headers>()

  function tell(inbound: Inbound, nowMs: number): void {
    if (nonces !== null) told.set(inbound, nonces.fields(nowMs))
  }

  return {
    async check(proof, inbound, boundTo) {
      const headerText = proof.signingInput.slice(0, proof.signingInput.indexOf('.'))
      const known = keys.get(headerText)
      const nowMs = clock.nowMs()
      const nonce = nonces?.judge(proof.nonce, nowMs) ?? 'current'
      // Before any work that only whoever fails is charged for: a caller who must be told the nonce has not failed, and nor has whoever sends a
      // proof of his again and again. Only for the key of the token: it is what a proof of another is refused for.
      if (nonce === 'unknown' && (boundTo === null || isSame(known?.thumbprint ?? jwkThumbprint(proof.jwk) ?? '', boundTo))) {
        tell(inbound, nowMs)
        return OTHER_NONCE
      }
      const key = known ?? keyFromJwk(proof.jwk, SIGNING_USES)
      if (typeof key === 'string') return refuse('ERR_PROOF_KEY', { flaw: key satisfies KeyFlaw })
      if (boundTo !== null && !isSame(key.thumbprint, boundTo)) return OTHER_KEY
      if (!key.algorithms.has(proof.algorithm)) return WRONG_ALGORITHM
      if ((await matchSignature([key], proof.algorithm, proof.signingInput, proof.signature)) === null) return WRONG_SIGNATURE
      if (known === undefined) keys.set(headerText, key, { size: KEY_BYTES + headerText.length })

      if (nonce === 'due') tell(inbound, nowMs)
      // Last, so that nobody can use up a proof that is not his. Remembered longer than it is accepted: clocks of processes differ.
      const untilMs = proof.iatMs + rules.maxAgeMs + rules.futureMs
      const used = await claimOnce(replay, 'dpop', [key.thumbprint, proof.htu, proof.jti], untilMs, clock)
      return isRefusal(used) ? used : key.thumbprint
    },
    fieldsFor: (inbound) => told.get(inbound) ?? null,
  }
}
