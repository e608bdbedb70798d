import { type Clock, type Headers, type Inbound, isRefusal, type Refusal, refuse } from '@countersign/core'
import { checkDpopOptions, type DpopOptions } from './options.js'
import { createProofCheck } from './proof-check.js'
import { readDpopProof } from './read-proof.js'

/** Verifies proofs that come without a token, at a token endpoint (RFC 9449 §5). */
export interface DpopProofVerifier {
  /** Names of the algorithms that are accepted, for the metadata (RFC 9449 §5.1). */
  readonly algorithms: readonly string[]
  /**
   * Verifies the proof of a request, and uses it up. Never rejects.
   * @returns the RFC 7638 thumbprint of the key, for `cnf.jkt`; `null` without a proof. A refusal of `ERR_PROOF_NONCE` goes with
   * {@link DpopProofVerifier.fieldsFor}.
   */
  verify(inbound: Inbound): Promise<string | Refusal | null>
  /** `DPoP-Nonce`, where the answer to this request tells one (RFC 9449 §8). */
  fieldsFor(inbound: Inbound): Headers
}

const NO_FIELDS: Headers = Object.freeze({})

/**
 * Makes a verifier of proofs that come without a token.
 * @param option path of the options, such as `dpop`.
 * @throws {MisuseError} for a wrong option.
 * @example
 * const proofs = createDpopProofVerifier('dpop', { origins: 'https://mesh.example', replay: store }, clock)
 * const jkt = await proofs.verify(inbound)
 */
export function createDpopProofVerifier(option: string, options: DpopOptions, clock: Clock): DpopProofVerifier {
  const rules = checkDpopOptions(option, options)
  if (rules === null) throw new TypeError('no options of DPoP')
  const { check, fieldsFor } = createProofCheck(rules, clock)

  return {
    algorithms: Object.freeze([...rules.algorithms]),
    async verify(inbound) {
      if (inbound.header('dpop') === null) return null
      try {
        const proof = readDpopProof(inbound, rules, clock.nowMs(), false)
        return isRefusal(proof) ? proof : await check(proof, inbound, null)
      } catch (cause) {
        return refuse('ERR_GUARD_FAULT', undefined, cause)
      }
    },
    fieldsFor: (inbound) => fieldsFor(inbound) ?? NO_FIELDS,
  }
}
