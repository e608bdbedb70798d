import { createMemoryStateStore } from '@countersign/state'
import { createTestClock } from '@countersign/testing'
import { contractOf } from './contract.js'

contractOf('in memory', async () => {
  const clock = createTestClock()
  const store = createMemoryStateStore({ clock })
  return {
    store,
    another: async () => store,
    nowMs: clock.nowMs,
    pass: async (ms) => clock.setMs(clock.nowMs() + ms),
    release: () => store.close(),
  }
})
