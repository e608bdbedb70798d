import type { Recorder } from '@countersign/core'
import type { ReadKeys } from './key-set.js'

/** Records that the keys of an issuer were loaded, and how many of them cannot be used. */
export function recordReload(recorder: Recorder, issuer: string, { keys, flaws }: ReadKeys): void {
  if (!recorder.wants('trust.reloaded')) return
  const unused = Object.entries(flaws).map(([flaw, count]) => `${flaw}: ${count}`)
  // A private key among public ones has been given away: whoever runs the issuer must know.
  const severity = keys.size === 0 || 'private' in flaws ? 'warn' : 'info'
  recorder.record({
    kind: 'trust.reloaded',
    severity,
    message: 'The keys of a token issuer were loaded',
    facts: { issuer, keys: keys.size, unused },
  })
}

/** What is known of a failure beside its reason. */
export interface ReloadFailure {
  /** The path of the options that the keys are read from. */
  readonly file?: string
  readonly cause?: unknown
}

/** Records that the keys of an issuer could not be loaded. `reason` is a fixed text of ours. */
export function recordReloadFailure(recorder: Recorder, issuer: string, reason: string, { file, cause }: ReloadFailure): void {
  if (!recorder.wants('trust.reload-failed')) return
  recorder.record({
    kind: 'trust.reload-failed',
    severity: 'warn',
    code: 'ERR_KEYS_UNAVAILABLE',
    message: 'The keys of a token issuer could not be loaded; those from before stay as long as they may',
    facts: { issuer, reason, ...(file === undefined ? {} : { file }) },
    ...(cause === undefined ? {} : { cause }),
  })
}
