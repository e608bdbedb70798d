import { setMaxListeners } from 'node:events'
import { refuse, withDeadline } from '@countersign/core'
import { createQuestionRoom } from '../question-room.js'
import { type Found, type KeyRecords, storedKeyOf } from './key-records.js'
import type { ApiKeyDirectory, ApiKeyRules } from './options.js'

/** A caller who waits longer has given up. */
const FIND_TIMEOUT_MS = 5000
/** As long as processes that share state take to hear of a change, at the worst. */
const DEFAULT_MAX_AGE_MS = 30_000
/** Questions of strangers that are open at once. A source that guesses ids has half of them at the most. */
const MAX_OPEN = 256

const UNUSABLE = Object.freeze(refuse('ERR_API_KEYS_UNAVAILABLE', Object.freeze({ reason: 'the record of the key cannot be used' })))
const CROWDED = Object.freeze(refuse('ERR_API_KEYS_UNAVAILABLE', Object.freeze({ reason: 'too many questions are open' })))
const NO_PLACE = (): void => {}

/** Records that somebody else keeps. Many requests may bring one key at once; one question answers them all. */
export function createDirectoryRecords(directory: ApiKeyDirectory, rules: ApiKeyRules): KeyRecords {
  const closing = new AbortController()
  // Each question listens for the end.
  setMaxListeners(0, closing.signal)
  const room = createQuestionRoom(MAX_OPEN)
  const asked = new Map<string, { readonly epoch: number; readonly found: Promise<Found> }>()

  function read(id: string, record: unknown): Found {
    if (record === null) return null
    const stored = storedKeyOf(record, rules)
    return typeof stored === 'string' || stored.record.id !== id ? UNUSABLE : stored
  }

  async function wait(id: string, answer: PromiseLike<unknown>): Promise<Found> {
    try {
      const deadline = { server: 'the directory of API keys', timeoutMs: FIND_TIMEOUT_MS, signal: closing.signal }
      return read(id, await withDeadline(deadline, async () => answer))
    } catch (cause) {
      return refuse('ERR_API_KEYS_UNAVAILABLE', { reason: 'the directory did not answer' }, cause)
    }
  }

  return {
    get epoch() {
      return directory.epoch
    },
    maxAgeMs: directory.maxAgeMs ?? DEFAULT_MAX_AGE_MS,
    find(id, source) {
      const { epoch } = directory
      const running = asked.get(id)
      // Only of the same epoch: what was asked before a change may be answered as before it.
      if (running !== undefined && running.epoch === epoch) return running.found
      const leave = source === null ? NO_PLACE : room.enter(source)
      if (leave === null) return CROWDED
      let answer: unknown
      try {
        answer = directory.find(id)
      } catch (cause) {
        leave()
        return refuse('ERR_API_KEYS_UNAVAILABLE', { reason: 'the directory did not answer' }, cause)
      }
      if (!isPromise(answer)) {
        leave()
        return read(id, answer)
      }
      const started = {
        epoch,
        found: wait(id, answer).finally(() => {
          leave()
          if (asked.get(id) === started) asked.delete(id)
        }),
      }
      asked.set(id, started)
      return started.found
    },
    async ready() {
      await directory.ready?.()
    },
    // A directory that was handed in stays the caller's to close.
    async close() {
      closing.abort()
    },
  }
}

function isPromise(answer: unknown): answer is PromiseLike<unknown> {
  return typeof answer === 'object' && answer !== null && 'then' in answer && typeof answer.then === 'function'
}
