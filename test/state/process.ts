import type { TestContext } from 'node:test'
import type { RevocationEntry } from '@countersign/core'
import { createRevocations, type Revocations, type RevocationsOptions } from '@countersign/state'
import {
  createTestClock,
  createTestMeter,
  createTestRecorder,
  type TestClock,
  type TestMeter,
  type TestRecorder,
} from '@countersign/testing'
import { createFaultyState, type FaultyState, type FaultyWay } from './faulty-store.js'

/** One process of a mesh. */
export interface Process {
  readonly revocations: Revocations
  readonly way: FaultyWay
  readonly recorder: TestRecorder
  readonly meter: TestMeter
  /** Would a token be refused for what is revoked? `unknown`: nobody can tell. */
  judge(kind: RevocationEntry['kind'], id: string, issuedAtMs?: number): 'revoked' | 'good' | 'unknown'
}

/** Processes that share a state, on clocks that stand still. */
export interface World {
  readonly state: FaultyState
  readonly clock: TestClock
  start(options?: Partial<RevocationsOptions>): Process
  /** Lets time go by for everybody, in steps of 10 ms. */
  pass(ms: number): Promise<void>
  /** Lets time go by that nobody's timers hear of: a process that was stopped, or a machine that slept. */
  jump(ms: number, of?: 'clock' | 'steady' | 'both'): void
  entry(kind: RevocationEntry['kind'], id: string, over?: Partial<RevocationEntry>): RevocationEntry
}

export function createWorld(t: TestContext): World {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const clock = createTestClock()
  const state = createFaultyState(clock)
  let steadyMs = 0

  return {
    state,
    clock,
    start(options = {}) {
      const way = state.connect()
      const recorder = createTestRecorder()
      const meter = createTestMeter()
      const revocations = createRevocations({ store: way, clock, recorder, meter, steadyMs: () => steadyMs, ...options })
      t.after(() => {
        way.fault = 'refused'
        return revocations.close()
      })
      return {
        revocations,
        way,
        recorder,
        meter,
        judge(kind, id, issuedAtMs = clock.nowMs()) {
          const { ageMs, leaseMs, completeSinceMs } = revocations
          if (!(ageMs <= leaseMs)) return 'unknown'
          if (revocations.has(kind, id, issuedAtMs)) return 'revoked'
          return issuedAtMs >= completeSinceMs ? 'good' : 'unknown'
        },
      }
    },
    async pass(ms) {
      await settle()
      for (let left = ms; left > 0; left -= 10) {
        clock.setMs(clock.nowMs() + 10)
        steadyMs += 10
        t.mock.timers.tick(10)
        await settle()
      }
    },
    jump(ms, of = 'both') {
      if (of !== 'steady') clock.setMs(clock.nowMs() + ms)
      if (of !== 'clock') steadyMs += ms
    },
    entry: (kind, id, over = {}) => ({
      kind,
      id,
      issuedBeforeMs: Number.POSITIVE_INFINITY,
      untilMs: clock.nowMs() + 3_600_000,
      revokedAtMs: clock.nowMs(),
      reason: 'key-compromise',
      ...over,
    }),
  }
}

/** Lets everything go on that waits for nothing but its turn. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 4; turn++) await new Promise<void>((resolve) => setImmediate(resolve))
}
