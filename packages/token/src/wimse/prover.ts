import { type Clock, createMemoryReplayStore, type Refusal, refuse } from '@countersign/core'
import type { Entry } from '../entry.js'
import { matchSignature } from '../match-signature.js'
import { claimOnce } from '../proof/claim-once.js'
import type { Prover } from '../proof/prover.js'
import type { WptRules } from './options.js'
import { readWpt, type WptProof } from './read-proof.js'

const WRONG_ALGORITHM = Object.freeze(refuse('ERR_PROOF_ALGORITHM'))
const WRONG_SIGNATURE = Object.freeze(refuse('ERR_PROOF_SIGNATURE'))

/** Verifies Workload Proof Tokens (draft-ietf-wimse-wpt-02), each once and for one request. */
export function createWptProver(rules: WptRules, skewMs: number, clock: Clock): Prover {
  const replay = rules.replay ?? createMemoryReplayStore({ clock })

  async function verify(proof: WptProof, { proofKey }: Entry): Promise<Refusal | null> {
    // The token says which algorithm its key is used with, and no other is.
    if (proofKey === null || proof.algorithm !== proofKey.algorithm) return WRONG_ALGORITHM
    const { key } = proofKey
    if ((await matchSignature([key], proof.algorithm, proof.signingInput, proof.signature)) === null) return WRONG_SIGNATURE
    return claimOnce(replay, 'wpt', [key.thumbprint, proof.jti], proof.expMs + skewMs, clock)
  }

  return {
    read(inbound) {
      const proof = readWpt(inbound, rules, skewMs, clock.nowMs())
      return 'refused' in proof ? proof : (entry) => verify(proof, entry)
    },
  }
}
