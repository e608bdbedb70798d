import { createHash } from 'node:crypto'
import { type Clock, createMemoryReplayStore, type Headers, type Inbound, type Refusal, refuse } from '@countersign/core'
import { LRUCache } from 'lru-cache'
import { isSame } from '../binding.js'
import { tokenOf } from '../credentials.js'
import type { Entry } from '../entry.js'
import { matchSignature } from '../match-signature.js'
import { claimOnce } from '../proof/claim-once.js'
import type { Prover } from '../proof/prover.js'
import { type KeyFlaw, keyFromJwk, SIGNING_USES, type VerificationKey } from '../verification-key.js'
import { createNonces } from './nonce.js'
import type { DpopRules } from './options.js'
import { type DpopProof, readDpopProof } from './read-proof.js'

// Keys of callers whose proofs were good, by the header that they came in. Importing one takes as long as verifying with it.
const MAX_KEYS = 2000
const MAX_KEY_BYTES = 8 * 1024 * 1024
// What a key takes beside the text of its header. Measured, rounded up.
const KEY_BYTES = 2048

const OTHER_TOKEN = Object.freeze(refuse('ERR_PROOF_TOKEN'))
const OTHER_KEY = Object.freeze(refuse('ERR_PROOF_BINDING'))
const WRONG_ALGORITHM = Object.freeze(refuse('ERR_PROOF_ALGORITHM'))
const WRONG_SIGNATURE = Object.freeze(refuse('ERR_PROOF_SIGNATURE'))
const OTHER_NONCE = Object.freeze(refuse('ERR_PROOF_NONCE'))

/** Verifies DPoP proofs (RFC 9449 §4.3), each once and for one request. */
export function createDpopProver(rules: DpopRules, clock: Clock): Prover {
  const replay = rules.replay ?? createMemoryReplayStore({ clock })
  const nonces = rules.nonce === null ? null : createNonces(rules.nonce, rules.futureMs)
  const keys = new LRUCache<string, VerificationKey>({ max: MAX_KEYS, maxSize: MAX_KEY_BYTES })
  const told = new WeakMap<Inbound, Headers>()

  async function verify(proof: DpopProof, entry: Entry, inbound: Inbound): Promise<Refusal | null> {
    // RFC 9449 §4.3, check 12: this token, and this key.
    if (!isSame(proof.ath, createHash('sha256').update(tokenOf(entry.field)).digest('base64url'))) return OTHER_TOKEN
    const headerText = proof.signingInput.slice(0, proof.signingInput.indexOf('.'))
    const known = keys.get(headerText)
    const key = known ?? keyFromJwk(proof.jwk, SIGNING_USES)
    if (typeof key === 'string') return refuse('ERR_PROOF_KEY', { flaw: key satisfies KeyFlaw })
    if (entry.token.boundToKey === null || !isSame(key.thumbprint, entry.token.boundToKey)) return OTHER_KEY
    if (!key.algorithms.has(proof.algorithm)) return WRONG_ALGORITHM
    if ((await matchSignature([key], proof.algorithm, proof.signingInput, proof.signature)) === null) return WRONG_SIGNATURE
    if (known === undefined) keys.set(headerText, key, { size: KEY_BYTES + headerText.length })

    // Only now: whoever has proven nothing yet is told nothing.
    if (nonces !== null) {
      const nowMs = clock.nowMs()
      const finding = nonces.judge(proof.nonce, nowMs)
      if (finding !== 'current') told.set(inbound, nonces.fields(nowMs))
      if (finding === 'unknown') return OTHER_NONCE
    }
    // Last, so that nobody can use up a proof that is not his. Remembered longer than it is accepted: clocks of processes differ.
    const untilMs = proof.iatMs + rules.maxAgeMs + rules.futureMs
    return claimOnce(replay, 'dpop', [key.thumbprint, proof.htu, proof.jti], untilMs)
  }

  return {
    read(inbound) {
      const proof = readDpopProof(inbound, rules, clock.nowMs())
      return 'refused' in proof ? proof : (entry) => verify(proof, entry, inbound)
    },
    ...(nonces === null ? {} : { fieldsFor: (inbound: Inbound) => told.get(inbound) ?? null }),
  }
}
