import { StateError, type StateStore } from '@countersign/core'
import { createMemoryStateStore } from '@countersign/state'
import type { TestClock } from '@countersign/testing'

/**
 * What goes wrong between a process and its store. `refused`: no connection. `silent`: a connection that is cut without being closed, so that
 * nothing is answered any more. `answer-lost`: what is asked for is done, and nobody hears of it.
 */
export type Fault = 'refused' | 'silent' | 'answer-lost'

/** State that can be lost, behind as many ways to it as there are processes. */
export interface FaultyState {
  /** How one process reaches it. */
  connect(): FaultyWay
  /** Forgets everything, as a flush or a restart without a disk does. What was issued before cannot be judged then. */
  lose(): void
  /** Somebody else who knew everything gives it back. */
  restoreAll(): Promise<void>
  readonly completeSinceMs: number
  /** The state itself. */
  readonly state: StateStore
}

export interface FaultyWay extends StateStore {
  /** Of everything that is asked from now on; `null`: none. */
  fault: Fault | null
  /** Of {@link StateStore.commit} alone. */
  commitFault: Fault | null
  /** Hints are not heard any more. */
  isDeaf: boolean
  /** How far the store's clock is ahead. */
  aheadMs: number
  /** How often each operation was asked for. */
  readonly asked: Record<'pull' | 'commit' | 'restore', number>
}

export function createFaultyState(clock: TestClock): FaultyState {
  let state = createMemoryStateStore({ clock })
  // Since when the generation before the present one told everything: what a store remembers that outlives its memory.
  let formerSinceMs = Number.NEGATIVE_INFINITY
  let sinceMs = Number.NEGATIVE_INFINITY
  const ways = new Set<{ listen(): void }>()

  function replace(next: StateStore): void {
    state = next
    for (const way of ways) way.listen()
  }

  function connect(): FaultyWay {
    const wakers = new Set<() => void>()
    const asked = { pull: 0, commit: 0, restore: 0 }

    async function under<T>(fault: Fault | null, work: () => Promise<T>): Promise<T> {
      switch (fault) {
        case 'refused':
          throw new StateError('unreachable', 'no connection')
        case 'silent':
          return new Promise<never>(() => {})
        case 'answer-lost':
          await work()
          throw new StateError('timeout', 'nothing was heard')
        case null:
          return work()
      }
    }

    const way: FaultyWay = {
      fault: null,
      commitFault: null,
      isDeaf: false,
      aheadMs: 0,
      asked,
      claim: (id, untilMs) => under(way.fault, async () => state.claim(id, untilMs)),
      read: (keys) => under(way.fault, () => state.read(keys)),
      commit(change) {
        asked.commit++
        return under(way.commitFault ?? way.fault, () => state.commit(change))
      },
      revocations: {
        pull(after, limit) {
          asked.pull++
          return under(way.fault, async () => {
            const page = await state.revocations.pull(after, limit)
            return { ...page, completeSinceMs: sinceMs, storeNowMs: page.storeNowMs + way.aheadMs }
          })
        },
        restore(entries, complete) {
          asked.restore++
          return under(way.fault, async () => {
            await state.revocations.restore(entries, complete)
            if (complete) sinceMs = formerSinceMs
          })
        },
        onAppend(wake) {
          wakers.add(wake)
          return () => wakers.delete(wake)
        },
      },
      outbox: {
        take: (count, leaseMs) => under(way.fault, () => state.outbox.take(count, leaseMs)),
        acknowledge: (ids) => under(way.fault, () => state.outbox.acknowledge(ids)),
      },
      ready: () => under(way.fault, () => state.ready()),
      close: async () => {},
    }
    const listening = {
      listen: () =>
        void state.revocations.onAppend(() => {
          if (!way.isDeaf && way.fault === null) for (const wake of wakers) wake()
        }),
    }
    ways.add(listening)
    listening.listen()
    return way
  }

  return {
    connect,
    lose() {
      formerSinceMs = sinceMs
      sinceMs = clock.nowMs()
      replace(createMemoryStateStore({ clock }))
    },
    restoreAll: () => {
      sinceMs = formerSinceMs
      return state.revocations.restore([], true)
    },
    get completeSinceMs() {
      return sinceMs
    },
    get state() {
      return state
    },
  }
}
