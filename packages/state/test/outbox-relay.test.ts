import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type EventOutbox, MisuseError, StateError, type StateEvent, type StateStore } from '@countersign/core'
import { createMemoryStateStore, createOutboxRelay, type EventSink, type OutboxRelay, type OutboxRelayOptions } from '@countersign/state'
import { createSurroundings, event, type Surroundings, settle } from './surroundings.js'

interface Stage {
  readonly surroundings: Surroundings
  readonly store: StateStore
  /** Ids in the order in which the sink was offered them. */
  readonly offered: string[]
  readonly relay: OutboxRelay
  /** Lets time go by for everybody, in steps of 50 ms. */
  pass(ms: number): Promise<void>
}

interface Setting extends Partial<Omit<OutboxRelayOptions, 'sink'>> {
  readonly sink?: (event: StateEvent) => unknown
  readonly store?: StateStore
}

function createStage(t: TestContext, { sink = () => {}, store: given, ...options }: Setting = {}): Stage {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const surroundings = createSurroundings()
  const { clock, recorder, meter } = surroundings
  const store = given ?? createMemoryStateStore({ clock })
  const offered: string[] = []
  const noting: EventSink = (one) => {
    offered.push(one.id)
    return sink(one) as ReturnType<EventSink>
  }
  const relay = createOutboxRelay({ outbox: store.outbox, recorder, meter, random: () => 1, ...options, sink: noting })
  t.after(() => relay.close())
  return {
    surroundings,
    store,
    offered,
    relay,
    async pass(ms) {
      for (let left = ms; left > 0; left -= 50) {
        surroundings.nowMs += 50
        t.mock.timers.tick(50)
        await settle()
      }
    },
  }
}

test('delivers what was committed, in the order of its topic, and takes it out of the outbox', async (t) => {
  const { store, offered, relay, pass, surroundings } = createStage(t, { batch: 2 })
  for (const id of ['a', 'b', 'c', 'd', 'e']) await store.commit({ emit: [event(id)] })
  await pass(250)
  assert.deepEqual(offered, ['a', 'b', 'c', 'd', 'e'])
  await pass(60_000)
  assert.deepEqual(offered, ['a', 'b', 'c', 'd', 'e'])
  assert.deepEqual(await store.outbox.take(10, 1_000), [])
  assert.equal(surroundings.points('outbox_events_delivered_total').length, 5)
  assert.equal(relay.held, 0)
})

test('delivers at once what it is told to flush', async (t) => {
  const { store, offered, relay } = createStage(t, { batch: 3, pollMs: 60_000 })
  const ids = Array.from({ length: 50 }, (_, index) => `e${index}`)
  await store.commit({ emit: ids.map((id) => event(id)) })
  await relay.flush()
  assert.deepEqual(offered, ids)
  assert.deepEqual(await store.outbox.take(100, 1_000), [])
})

test('offers an event that failed again, later each time, and holds its topic back meanwhile', async (t) => {
  let failures = 3
  const { store, offered, pass, surroundings } = createStage(t, {
    sink: ({ id }) => (id === 'a' && failures-- > 0 ? Promise.reject(new Error('down')) : undefined),
  })
  await store.commit({ emit: [event('a'), event('b'), event('other', 'auth.session.revoked')] })
  await pass(250)
  assert.deepEqual(offered, ['a', 'other'])
  await pass(200)
  assert.deepEqual(offered, ['a', 'other', 'a'])
  await pass(350)
  assert.deepEqual(offered, ['a', 'other', 'a'])
  await pass(50)
  assert.deepEqual(offered, ['a', 'other', 'a', 'a'])
  await pass(800)
  assert.deepEqual(offered, ['a', 'other', 'a', 'a', 'a', 'b'])
  assert.deepEqual(
    surroundings.points('outbox_delivery_failures_total').map(({ labels }) => labels),
    [{ reason: 'error' }, { reason: 'error' }, { reason: 'error' }],
  )
})

test('parks an event that always fails, says so once, and goes on with those behind it', async (t) => {
  let isBroken = true
  const { store, offered, pass, surroundings } = createStage(t, {
    maxAttempts: 3,
    leaseMs: 11_000,
    sink({ id }) {
      if (id === 'bad' && isBroken) throw new Error('never')
    },
  })
  await store.commit({ emit: [event('bad'), event('b'), event('c')] })
  await pass(900)
  assert.deepEqual(offered, ['bad', 'bad', 'bad', 'b', 'c'])
  const parked = surroundings.events.filter(({ kind }) => kind === 'event.parked')
  assert.deepEqual(
    parked.map(({ facts }) => facts),
    [{ eventId: 'bad', topic: 'auth.token.revoked', attempts: 3 }],
  )
  // It is not lost: once a lease it is offered again, and no event waits for it.
  await store.commit({ emit: [event('d')] })
  await pass(250)
  assert.equal(offered.at(-1), 'd')
  await pass(11_000)
  assert.deepEqual(offered.slice(-1), ['bad'])
  assert.equal(surroundings.events.length, 1)
  isBroken = false
  await pass(11_000)
  assert.equal(offered.at(-1), 'bad')
  const count = offered.length
  await pass(30_000)
  assert.equal(offered.length, count)
})

test('does not let many parked events keep a new one from being delivered', async (t) => {
  const { store, offered, pass } = createStage(t, {
    batch: 2,
    maxAttempts: 1,
    sink: ({ id }) => (id.startsWith('bad') ? Promise.reject(new Error('never')) : undefined),
  })
  await store.commit({ emit: Array.from({ length: 100 }, (_, index) => event(`bad${index}`, `topic-${index}`)) })
  await pass(250)
  await store.commit({ emit: [event('good')] })
  await pass(250)
  assert.equal(offered.at(-1), 'good')
})

test('gives up on a sink that hangs, without holding other topics up', async (t) => {
  const { store, offered, pass, surroundings } = createStage(t, {
    timeoutMs: 1_000,
    sink: ({ id }) => (id === 'hangs' ? new Promise(() => {}) : undefined),
  })
  await store.commit({ emit: [event('hangs'), event('other', 'auth.session.revoked')] })
  await pass(250)
  assert.deepEqual(offered, ['hangs', 'other'])
  await pass(1_000)
  assert.deepEqual(
    surroundings.points('outbox_delivery_failures_total').map(({ labels }) => labels),
    [{ reason: 'timeout' }],
  )
  await pass(200)
  assert.deepEqual(offered, ['hangs', 'other', 'hangs'])
  // Nothing hangs on to the relay when it closes.
  await pass(1_000)
})

test('delivers again what a relay took that is gone', async (t) => {
  const { store, offered, pass } = createStage(t, { leaseMs: 20_000 })
  await store.commit({ emit: [event('a'), event('b')] })
  const taken = await store.outbox.take(1, 5_000)
  assert.deepEqual(
    taken.map(({ id }) => id),
    ['a'],
  )
  await pass(1_000)
  assert.deepEqual(offered, ['b'])
  await pass(5_000)
  assert.deepEqual(offered, ['b', 'a'])
})

test('does not deliver twice what it could not acknowledge, and acknowledges it later', async (t) => {
  const { clock } = createSurroundings()
  const inner = createMemoryStateStore({ clock })
  let isDown = false
  const outbox: EventOutbox = {
    take: (count, leaseMs) => (isDown ? Promise.reject(new StateError('unreachable', 'down')) : inner.outbox.take(count, leaseMs)),
    acknowledge: (ids) => (isDown ? Promise.reject(new StateError('unreachable', 'down')) : inner.outbox.acknowledge(ids)),
  }
  const { offered, pass, surroundings } = createStage(t, {
    store: { ...inner, outbox },
    leaseMs: 11_000,
    sink() {
      isDown = true
    },
  })
  await inner.commit({ emit: [event('a')] })
  await pass(500)
  assert.deepEqual(offered, ['a'])
  assert.ok(surroundings.points('state_store_failures_total').every(({ labels }) => labels['reason'] === 'unreachable'))
  isDown = false
  await pass(250)
  assert.deepEqual(offered, ['a'])
  assert.deepEqual(await inner.outbox.take(10, 1_000), [])
})

test('lets a delivery end that is under way when it closes, and leaves the rest in the outbox', async (t) => {
  let finish = (): void => {}
  const { store, offered, relay, pass, surroundings } = createStage(t, {
    leaseMs: 11_000,
    sink: () =>
      new Promise<void>((resolve) => {
        finish = resolve
      }),
  })
  await store.commit({ emit: [event('a'), event('b')] })
  await pass(250)
  const closed = relay.close()
  finish()
  await closed
  assert.deepEqual(offered, ['a'])
  await relay.flush()
  assert.deepEqual(offered, ['a'])
  surroundings.nowMs += 11_000
  assert.deepEqual(
    (await store.outbox.take(10, 1_000)).map(({ id }) => id),
    ['b'],
  )
})

test('goes on where a recorder or a meter throws', async (t) => {
  const fault = (): never => {
    throw new Error('full disk')
  }
  const { store, offered, pass } = createStage(t, {
    maxAttempts: 1,
    recorder: { wants: () => true, record: fault, async close() {} },
    meter: {
      createCounter: () => ({ add: fault }),
      createHistogram: () => ({ record: fault }),
      createGauge: () => ({ record: fault }),
    },
    sink: ({ id }) => (id === 'bad' ? Promise.reject(new Error('never')) : undefined),
  })
  await store.commit({ emit: [event('bad'), event('b')] })
  await pass(250)
  assert.deepEqual(offered, ['bad', 'b'])
})

test('refuses options that contradict each other or are missing', () => {
  const { recorder, meter, clock } = createSurroundings()
  const good: OutboxRelayOptions = { outbox: createMemoryStateStore({ clock }).outbox, sink: () => {}, recorder, meter }
  const wrong: readonly (readonly [Record<string, unknown>, string, string])[] = [
    [{ sink: 'x' }, 'sink', 'ERR_OPTION_INVALID'],
    [{ outbox: undefined }, 'outbox', 'ERR_OPTION_MISSING'],
    [{ meter: null }, 'meter', 'ERR_OPTION_MISSING'],
    [{ batches: 5 }, 'batches', 'ERR_OPTION_UNKNOWN'],
    [{ batch: 0 }, 'batch', 'ERR_OPTION_INVALID'],
    [{ pollMs: 5 }, 'pollMs', 'ERR_OPTION_INVALID'],
    [{ leaseMs: 500 }, 'leaseMs', 'ERR_OPTION_INVALID'],
    [{ leaseMs: 5_000, timeoutMs: 5_000 }, 'timeoutMs', 'ERR_OPTION_CONTRADICTION'],
    [{ maxAttempts: 0 }, 'maxAttempts', 'ERR_OPTION_INVALID'],
  ]
  for (const [options, option, code] of wrong) {
    assert.throws(
      () => createOutboxRelay({ ...good, ...options }),
      (error: unknown) => error instanceof MisuseError && error.option === option && error.code === code,
      option,
    )
  }
})
