import { type Clock, checkChoice, checkInteger, checkKeys, MisuseError, type Recorder } from '@countersign/core'
import type { KeySupply, KeysSource } from './key-supply.js'
import { SIGNING_ALGORITHMS, type SigningAlgorithm } from './signing-algorithm.js'

/** Which keys, and how they follow each other. */
export interface KeyRingOptions {
  /** Default `RS256`, which every verifier knows. ML-DSA where the runtime has it. */
  readonly algorithm?: SigningAlgorithm
  /** Default `'generated'`. */
  readonly keys?: KeysSource
  /** How long a key signs, 60 to 31,536,000; up to a tenth less, so that a fleet does not rotate at once. `null`: until {@link KeyRing.rotate}. Default: a day for generated keys, `null` for others. */
  readonly rotateEverySeconds?: number | null
  /** How long before it signs the next key is published, so that verifiers have it. Default 600, or half of `rotateEverySeconds`. */
  readonly publishAheadSeconds?: number
  /** The longest lifetime of what is signed. Default 3600. */
  readonly maxTokenSeconds?: number
  /** How far clocks may differ. Default 30. */
  readonly clockSkewSeconds?: number
  /** How much longer a key stays published than the skew asks for. Default 60. */
  readonly marginSeconds?: number
  /** How long a remote signer may take, 50 to 30,000. Default 2000. */
  readonly signTimeoutMs?: number
  /** Default: the system's. */
  readonly clock?: Clock
  /** Is told of rotations, and of key files that cannot be used. Default: nobody is. */
  readonly recorder?: Pick<Recorder, 'wants' | 'record'>
}

const KEYS = [
  'algorithm',
  'keys',
  'rotateEverySeconds',
  'publishAheadSeconds',
  'maxTokenSeconds',
  'clockSkewSeconds',
  'marginSeconds',
  'signTimeoutMs',
  'clock',
  'recorder',
] as const
const DAY_SECONDS = 86_400
const YEAR_SECONDS = 365 * DAY_SECONDS
const DEFAULT_SIGN_TIMEOUT_MS = 2000
/** What a caller may ask for. */
export const MAX_OVERLAP_SECONDS = YEAR_SECONDS
// As long as verifiers keep keys before they ask again.
const DEFAULT_AHEAD_SECONDS = 600

/** {@link KeyRingOptions}, checked and with their defaults. */
export interface KeyRingRules {
  readonly algorithm: SigningAlgorithm
  readonly overlapSeconds: number
  readonly signTimeoutMs: number
  /** @throws {MisuseError} for keys of a kind that is not rotated here. */
  rotation(kind: KeySupply['kind']): { readonly everyMs: number | null; readonly aheadMs: number }
}

/** @throws {MisuseError} */
export function checkKeyRingOptions(options: KeyRingOptions): KeyRingRules {
  const given: unknown = options
  checkKeys('options', given, KEYS)
  return {
    algorithm: checkChoice('options.algorithm', options.algorithm ?? 'RS256', SIGNING_ALGORITHMS),
    overlapSeconds: overlapOf(options),
    signTimeoutMs: checkInteger('options.signTimeoutMs', options.signTimeoutMs ?? DEFAULT_SIGN_TIMEOUT_MS, 50, 30_000),
    rotation: (kind) => checkRotation(options, kind),
  }
}

function overlapOf({ maxTokenSeconds = 3600, clockSkewSeconds = 30, marginSeconds = 60 }: KeyRingOptions): number {
  return (
    checkInteger('options.maxTokenSeconds', maxTokenSeconds, 1, DAY_SECONDS) +
    checkInteger('options.clockSkewSeconds', clockSkewSeconds, 0, 60) +
    checkInteger('options.marginSeconds', marginSeconds, 0, 3600)
  )
}

function checkRotation(options: KeyRingOptions, kind: KeySupply['kind']): { readonly everyMs: number | null; readonly aheadMs: number } {
  const every = options.rotateEverySeconds === undefined ? (kind === 'generated' ? DAY_SECONDS : null) : options.rotateEverySeconds
  if (every === null) {
    if (options.publishAheadSeconds === undefined) return { everyMs: null, aheadMs: 0 }
    throw new MisuseError('ERR_OPTION_CONTRADICTION', 'options.publishAheadSeconds', 'needs rotateEverySeconds')
  }
  if (kind === 'file' || kind === 'remote')
    throw new MisuseError(
      'ERR_OPTION_CONTRADICTION',
      'options.rotateEverySeconds',
      'is for keys that are made here: whoever keeps these rotates them',
    )
  const seconds = checkInteger('options.rotateEverySeconds', every, 60, YEAR_SECONDS)
  const usual = Math.min(DEFAULT_AHEAD_SECONDS, Math.floor(seconds / 2))
  const ahead = checkInteger('options.publishAheadSeconds', options.publishAheadSeconds ?? usual, 1, Math.floor(seconds / 2))
  return { everyMs: seconds * 1000, aheadMs: ahead * 1000 }
}
