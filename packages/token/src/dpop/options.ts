import { checkInteger, checkKeys, joinPath, type ReplayStore } from '@countersign/core'
import type { Algorithm } from '../algorithm.js'
import { checkAlgorithmList, DEFAULT_PROOF_ALGORITHMS } from '../check-algorithms.js'
import { checkReplay } from '../proof/claim-once.js'
import { checkOrigins } from '../proof/target-uri.js'
import { checkNonceOptions, type NonceOptions, type NonceRules } from './nonce.js'

/** Accepts `Authorization: DPoP` with a proof of the key that the token is bound to (RFC 9449). */
export interface DpopOptions {
  /**
   * Where callers reach this service, as they write it: `https://billing.example`. The `htu` of a proof is compared with these and the path
   * of the request, never with `Host` or a forwarded field. Required.
   */
  readonly origins: string | readonly string[]
  /** Remembers which proofs were used. Default: this process's memory, so that a proof counts once in each process. */
  readonly replay?: ReplayStore
  /** Oldest proof that is accepted, counted from its `iat`, 1 to 600 seconds. Default 60. */
  readonly maxAgeSeconds?: number
  /** How far in the future its `iat` may lie, 0 to 60 seconds: clocks differ. Default 5. */
  readonly futureSeconds?: number
  /** Default: ES256, PS256, RS256, Ed25519, EdDSA, each only with a key of its kind. Named in the challenge. */
  readonly algorithms?: readonly Algorithm[]
  /** Demands a nonce of ours in each proof (RFC 9449 §9), so that none can be made beforehand. Default `null`: none. */
  readonly nonce?: NonceOptions | null
}

/** {@link DpopOptions}, checked and with every default filled in. Frozen. */
export interface DpopRules {
  readonly origins: readonly string[]
  /** `null`: memory. */
  readonly replay: ReplayStore | null
  readonly maxAgeMs: number
  readonly futureMs: number
  readonly algorithms: ReadonlySet<string>
  readonly nonce: NonceRules | null
}

const KEYS = ['origins', 'replay', 'maxAgeSeconds', 'futureSeconds', 'algorithms', 'nonce'] as const
const DEFAULT_MAX_AGE_SECONDS = 60
const MAX_AGE_SECONDS = 600
const DEFAULT_FUTURE_SECONDS = 5
const MAX_FUTURE_SECONDS = 60

/** @throws {MisuseError} */
export function checkDpopOptions(option: string, options: unknown): DpopRules | null {
  if (options === undefined || options === null) return null
  checkKeys(option, options, KEYS)
  const at = (key: string): string => joinPath(option, key)
  const { maxAgeSeconds = DEFAULT_MAX_AGE_SECONDS, futureSeconds = DEFAULT_FUTURE_SECONDS, algorithms } = options
  return Object.freeze({
    origins: checkOrigins(at('origins'), options['origins']),
    replay: checkReplay(at('replay'), options['replay']),
    maxAgeMs: 1000 * checkInteger(at('maxAgeSeconds'), maxAgeSeconds, 1, MAX_AGE_SECONDS),
    futureMs: 1000 * checkInteger(at('futureSeconds'), futureSeconds, 0, MAX_FUTURE_SECONDS),
    algorithms: checkAlgorithmList(at('algorithms'), algorithms ?? DEFAULT_PROOF_ALGORITHMS),
    nonce: checkNonceOptions(at('nonce'), options['nonce']),
  })
}
