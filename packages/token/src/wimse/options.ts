import { checkInteger, checkKeys, joinPath, MisuseError, type ReplayStore, SESSION_FIELD } from '@countersign/core'
import type { Algorithm } from '../algorithm.js'
import { checkAlgorithmList, DEFAULT_PROOF_ALGORITHMS } from '../check-algorithms.js'
import { checkTexts } from '../check-names.js'
import { checkReplay } from '../proof/claim-once.js'
import { checkOrigins } from '../proof/target-uri.js'

/**
 * How the holder of a Workload Identity Token proves its key: by a Workload Proof Token in `Authorization: WPT`
 * (draft-ietf-wimse-wpt-02, a draft: what it says may change).
 */
export interface WptOptions {
  /**
   * Where callers reach this service, as they write it: `https://billing.example`. The `aud` of a proof is compared with these and the path
   * of the request, never with `Host` or a forwarded field. Required.
   */
  readonly origins: string | readonly string[]
  /** Further values that `aud` may have, compared exactly: a name for this service that no request path belongs to. Default: none. */
  readonly audiences?: readonly string[]
  /** Remembers which proofs were used. Default: this process's memory, so that a proof counts once in each process. */
  readonly replay?: ReplayStore
  /** How far ahead the `exp` of a proof may lie, 1 to 600 seconds. Default 300. */
  readonly maxLifetimeSeconds?: number
  /** Default: ES256, PS256, RS256, Ed25519, EdDSA. It must be the `alg` of the token's `cnf.jwk`, letter for letter. */
  readonly algorithms?: readonly Algorithm[]
  /**
   * Request fields with tokens that decide anything here, such as a session that is handed on: where one is there, the proof must cover it
   * (`oth`). `Txn-Token` always is (`tth`). Default `['Propagated-Session']`.
   */
  readonly contextFields?: readonly string[]
}

/** {@link WptOptions}, checked and with every default filled in. Frozen. */
export interface WptRules {
  readonly origins: readonly string[]
  readonly audiences: readonly string[]
  /** `null`: memory. */
  readonly replay: ReplayStore | null
  readonly maxLifetimeMs: number
  readonly algorithms: ReadonlySet<string>
  /** Lowercase. */
  readonly contextFields: readonly string[]
}

const KEYS = ['origins', 'audiences', 'replay', 'maxLifetimeSeconds', 'algorithms', 'contextFields'] as const
const DEFAULT_LIFETIME_SECONDS = 300
const MAX_LIFETIME_SECONDS = 600
const FIELD_NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/

/** @throws {MisuseError} */
export function checkWptOptions(option: string, options: unknown): WptRules {
  if (options === undefined || options === null) {
    throw new MisuseError(
      'ERR_OPTION_MISSING',
      option,
      "says how a Workload Identity Token is proven, which never counts alone: proof: { origins: 'https://billing.example' }",
    )
  }
  checkKeys(option, options, KEYS)
  const at = (key: string): string => joinPath(option, key)
  const { audiences, algorithms, maxLifetimeSeconds = DEFAULT_LIFETIME_SECONDS, contextFields = [SESSION_FIELD] } = options
  return Object.freeze({
    origins: checkOrigins(at('origins'), options['origins']),
    audiences: audiences === undefined ? [] : checkTexts(at('audiences'), audiences),
    replay: checkReplay(at('replay'), options['replay']),
    maxLifetimeMs: 1000 * checkInteger(at('maxLifetimeSeconds'), maxLifetimeSeconds, 1, MAX_LIFETIME_SECONDS),
    algorithms: checkAlgorithmList(at('algorithms'), algorithms ?? DEFAULT_PROOF_ALGORITHMS),
    contextFields: Object.freeze(
      checkTexts(at('contextFields'), contextFields).map((name, index) => checkFieldName(`${at('contextFields')}[${index}]`, name)),
    ),
  })
}

function checkFieldName(option: string, name: string): string {
  if (FIELD_NAME.test(name)) return name.toLowerCase()
  throw new MisuseError('ERR_OPTION_INVALID', option, 'takes the name of a request field')
}
