import { createHash } from 'node:crypto'
import { type Claim, type Clock, kindOf, MisuseError, type Refusal, type ReplayStore, refuse, withDeadline } from '@countersign/core'

// A store on the same network answers in a millisecond; whoever waits longer than this had better be told to come again.
const TIMEOUT_MS = 1000
// Stores outside this process have clocks of their own.
const MARGIN_MS = 60_000

const REPLAYED = Object.freeze(refuse('ERR_PROOF_REPLAYED'))
const EXPIRED = Object.freeze(refuse('ERR_PROOF_EXPIRED'))
const FULL = Object.freeze(refuse('ERR_REPLAY_UNAVAILABLE', Object.freeze({ reason: 'the replay store cannot tell' })))

/**
 * Uses up the id of a proof (RFC 9449 §11.1).
 * @param id whatever makes it one of its kind; only its hash is kept, so its length costs nothing.
 * @param untilMs from then on the proof is not accepted any more. It is remembered longer: clocks differ, and what waited until then does not count.
 * @returns `null`: nobody has used it before.
 */
export async function claimOnce(
  store: ReplayStore,
  kind: 'dpop' | 'wpt',
  id: readonly string[],
  untilMs: number,
  clock: Clock,
): Promise<Refusal | null> {
  try {
    const key = `${kind}:${createHash('sha256').update(JSON.stringify(id)).digest('base64url')}`
    const claim = store.claim(key, untilMs + MARGIN_MS)
    const answer: Claim =
      typeof claim === 'string'
        ? claim
        : await withDeadline({ server: 'the replay store', timeoutMs: TIMEOUT_MS }, () => Promise.resolve(claim))
    switch (answer) {
      case 'first':
        return clock.nowMs() < untilMs ? null : EXPIRED
      case 'again':
        return REPLAYED
      case 'full':
        return FULL
      default:
        return refuse('ERR_REPLAY_UNAVAILABLE', { reason: 'the replay store did not answer' })
    }
  } catch (cause) {
    return refuse('ERR_REPLAY_UNAVAILABLE', { reason: 'the replay store did not answer' }, cause)
  }
}

/**
 * Checks a replay store that was handed in.
 * @returns `null`: none was.
 * @throws {MisuseError}
 */
export function checkReplay(option: string, replay: unknown): ReplayStore | null {
  if (replay === undefined) return null
  if (typeof replay === 'object' && replay !== null && 'claim' in replay && typeof replay.claim === 'function') return replay as ReplayStore
  throw new MisuseError(
    'ERR_OPTION_INVALID',
    option,
    `takes a store with claim(id, untilMs), such as createMemoryReplayStore(), not ${kindOf(replay)}`,
  )
}
