import { checkChoice, checkList, MisuseError } from '@countersign/core'
import { ALGORITHMS, type Algorithm } from './algorithm.js'

/** Algorithms of proofs whose options name none: `EdDSA` is what older clients call `Ed25519`. */
export const DEFAULT_PROOF_ALGORITHMS: readonly Algorithm[] = Object.freeze<Algorithm[]>(['ES256', 'PS256', 'RS256', 'Ed25519', 'EdDSA'])

/**
 * Reads a list of signature algorithms.
 * @param possible those that may be named.
 * @throws {MisuseError} for any other, and for HMAC with the reason.
 */
export function checkAlgorithmList(option: string, algorithms: unknown, possible: readonly Algorithm[] = ALGORITHMS): ReadonlySet<string> {
  return new Set(
    checkList(option, algorithms).map((name, index) => {
      if (typeof name === 'string' && /^HS\d/i.test(name))
        throw new MisuseError('ERR_OPTION_INVALID', `${option}[${index}]`, 'HMAC is never accepted: the issuer must sign with a key pair')
      return checkChoice(`${option}[${index}]`, name, possible)
    }),
  )
}
