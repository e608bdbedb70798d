import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MisuseError, StateError } from '@countersign/core'
import { createRevocations, type RevocationsOptions } from '@countersign/state'
import { createWorld, type Process, settle } from './process.js'

const LEASE_MS = 1_000

function isStateError(reason: StateError['reason']): (error: unknown) => boolean {
  return (error) => error instanceof StateError && error.reason === reason
}

function kindsOf({ recorder }: Process): string[] {
  return recorder.events.map(({ kind }) => kind)
}

test('answers nothing before its first whole view, and then what any process has revoked', async (t) => {
  const { start, state, entry, pass } = createWorld(t)
  const ids = Array.from({ length: 2_500 }, (_, index) => `jti-${index}`)
  await state.state.commit({ revoke: ids.map((id) => entry('token', id)) })
  const one = start()
  assert.equal(one.judge('token', 'other'), 'unknown')
  await one.revocations.ready()
  assert.deepEqual([one.judge('token', 'jti-2499'), one.judge('token', 'other')], ['revoked', 'good'])
  assert.equal(one.revocations.size, 2_500)
  await pass(2_000)
  assert.deepEqual(kindsOf(one), [])
})

test('raises no alarm before its first lease is over, and answers nothing until then', async (t) => {
  const { start, pass, state } = createWorld(t)
  for (const isBack of [true, false]) {
    const probe = state.connect()
    probe.fault = 'refused'
    const one = start({ store: probe })
    await pass(600)
    assert.deepEqual([one.judge('token', 'jti'), kindsOf(one)], ['unknown', []])
    if (isBack) probe.fault = null
    await pass(700)
    assert.deepEqual([one.judge('token', 'jti'), kindsOf(one)], isBack ? ['good', []] : ['unknown', ['state.degraded']])
    probe.fault = null
    await pass(300)
    assert.deepEqual([one.judge('token', 'jti'), kindsOf(one)], isBack ? ['good', []] : ['good', ['state.degraded', 'state.restored']])
  }
})

test('refuses everywhere at once what one process revokes, by the hint of the store', async (t) => {
  const { start, entry } = createWorld(t)
  const [one, two] = [start(), start()]
  await Promise.all([one.revocations.ready(), two.revocations.ready()])
  const epochs = [one.revocations.epoch, two.revocations.epoch]
  await one.revocations.revoke([entry('token', 'jti')])
  await settle()
  assert.deepEqual([one.judge('token', 'jti'), two.judge('token', 'jti')], ['revoked', 'revoked'])
  assert.ok(one.revocations.epoch > (epochs[0] ?? 0) && two.revocations.epoch > (epochs[1] ?? 0))
})

test('refuses everywhere within a heartbeat where no hint is heard', async (t) => {
  const { start, entry, pass } = createWorld(t)
  const [one, two] = [start(), start()]
  await Promise.all([one.revocations.ready(), two.revocations.ready()])
  two.way.isDeaf = true
  await pass(50)
  await one.revocations.revoke([entry('session', 's')])
  assert.deepEqual([one.judge('session', 's'), two.judge('session', 's')], ['revoked', 'good'])
  await pass(260)
  assert.equal(two.judge('session', 's'), 'revoked')
})

test('obeys what a commit revokes as soon as it is made, and not where it is not', async (t) => {
  const { start, entry, clock } = createWorld(t)
  const { revocations, judge, way } = start()
  await revocations.ready()
  const put = [{ key: 'k', value: 'v', untilMs: clock.nowMs() + 60_000 }]
  assert.equal(await revocations.commit({ put, expect: [['k', null]], revoke: [entry('token', 'a')] }), true)
  assert.equal(judge('token', 'a'), 'revoked')
  assert.equal(await revocations.commit({ put, expect: [['k', null]], revoke: [entry('token', 'b')] }), false)
  way.fault = 'refused'
  await assert.rejects(revocations.commit({ put, revoke: [entry('token', 'c')] }), isStateError('unreachable'))
  assert.deepEqual([judge('token', 'b'), judge('token', 'c')], ['good', 'good'])
})

test('never answers with a list older than the lease, whatever the store does', async (t) => {
  for (const fault of ['refused', 'silent', 'answer-lost'] as const) {
    await t.test(fault, async (t) => {
      const { start, state, entry, pass } = createWorld(t)
      const one = start()
      await one.revocations.ready()
      await pass(500)
      one.way.fault = fault
      // Somebody else revokes, which this process cannot hear of.
      await state.state.commit({ revoke: [entry('token', 'jti')] })
      for (let passed = 0; passed < 3_000; passed += 10) {
        await pass(10)
        const answer = one.judge('token', 'jti')
        if (passed >= LEASE_MS) assert.equal(answer, 'unknown')
        else assert.notEqual(answer, 'revoked')
      }
      assert.deepEqual(kindsOf(one), ['state.degraded'])
      assert.deepEqual(one.recorder.of('state.degraded')[0]?.facts, { reason: fault === 'refused' ? 'unreachable' : 'timeout' })
      one.way.fault = null
      await pass(1_100)
      assert.equal(one.judge('token', 'jti'), 'revoked')
      assert.deepEqual(kindsOf(one), ['state.degraded', 'state.restored'])
      assert.ok(one.meter.total('state_store_failures_total') > 0)
      assert.ok(one.meter.values('revocation_list_age_seconds').some((age) => age > 1))
    })
  }
})

test('is as old as its oldest clock says: neither a clock set back nor a machine that slept makes it young', async (t) => {
  const { start, jump, pass } = createWorld(t)
  const one = start()
  await one.revocations.ready()
  one.way.fault = 'silent'
  await pass(500)
  jump(-3_600_000, 'clock')
  assert.ok(one.revocations.ageMs >= 500)
  await pass(600)
  assert.equal(one.judge('token', 'x'), 'unknown')

  one.way.fault = null
  await pass(2_000)
  assert.equal(one.judge('token', 'x'), 'good')
  one.way.fault = 'silent'
  jump(5_000, 'clock')
  assert.equal(one.judge('token', 'x'), 'unknown')
})

test('counts its age from when it asked, not from when it was answered, by either clock', async (t) => {
  for (const clock of ['clock', 'steady'] as const) {
    await t.test(clock, async (t) => {
      const { start, pass, jump } = createWorld(t)
      const one = start()
      await one.revocations.ready()
      const answer = delayPulls(one)
      await pass(260)
      jump(600, clock)
      answer()
      await settle()
      assert.ok(one.revocations.ageMs >= 600)
    })
  }
})

test('asks once more where it hears a hint while it waits for an answer', async (t) => {
  const { start, state, entry, pass } = createWorld(t)
  const one = start()
  await one.revocations.ready()
  const answer = delayPulls(one)
  await pass(260)
  await state.state.commit({ revoke: [entry('token', 'jti')] })
  await settle()
  answer()
  await settle()
  answer()
  await settle()
  assert.equal(one.judge('token', 'jti'), 'revoked')
})

/** Holds the answers of the store back. The function gives the one that is held. */
function delayPulls({ way }: Process): () => void {
  const { pull } = way.revocations
  let give = (): void => {}
  Object.assign(way.revocations, {
    pull: async (...asked: Parameters<typeof pull>) => {
      const page = await pull(...asked)
      await new Promise<void>((resolve) => {
        give = resolve
      })
      return page
    },
  })
  return () => give()
}

test('tells the store all of many revocations that it could not be told of', async (t) => {
  const { start, entry, pass } = createWorld(t)
  const [one, two] = [start(), start()]
  await Promise.all([one.revocations.ready(), two.revocations.ready()])
  one.way.commitFault = 'refused'
  const entries = Array.from({ length: 2_500 }, (_, index) => entry('token', `jti-${index}`))
  await assert.rejects(one.revocations.revoke(entries), isStateError('unreachable'))
  assert.equal(one.revocations.size, 2_500)
  one.way.commitFault = null
  await pass(600)
  assert.equal(two.revocations.size, 2_500)
})

test('obeys a revocation that the store cannot be told of, says so, and tells it until it knows', async (t) => {
  for (const fault of ['refused', 'silent'] as const) {
    await t.test(fault, async (t) => {
      const { start, entry, pass } = createWorld(t)
      const [one, two] = [start(), start()]
      await Promise.all([one.revocations.ready(), two.revocations.ready()])
      one.way.commitFault = fault
      const told = assert.rejects(one.revocations.revoke([entry('key', 'kid')]), StateError)
      assert.equal(one.judge('key', 'kid'), 'revoked')
      await pass(5_100)
      await told
      assert.equal(two.judge('key', 'kid'), 'good')
      one.way.commitFault = null
      await pass(5_500)
      assert.deepEqual([one.judge('key', 'kid'), two.judge('key', 'kid')], ['revoked', 'revoked'])
      // Told, and shown: it is not told again for ever.
      const commits = one.way.asked.commit
      await pass(2_000)
      assert.equal(one.way.asked.commit, commits)
    })
  }
})

test('tells a store again that said yes and then lost it, as a replica does that takes over', async (t) => {
  const { start, state, entry, pass, clock } = createWorld(t)
  const [one, two] = [start(), start()]
  await Promise.all([one.revocations.ready(), two.revocations.ready()])
  const commit = state.state.commit
  // Says yes, and keeps nothing.
  Object.assign(state.state, { commit: async () => true })
  await one.revocations.revoke([entry('token', 'jti', { untilMs: clock.nowMs() + 60_000 })])
  Object.assign(state.state, { commit })
  assert.equal(two.judge('token', 'jti'), 'good')
  await pass(600)
  assert.equal(two.judge('token', 'jti'), 'revoked')
})

test('gives a store that was flushed back what it knew, and nothing revoked is good at any moment', async (t) => {
  const { start, state, entry, pass, clock } = createWorld(t)
  const [one, two] = [start(), start()]
  await Promise.all([one.revocations.ready(), two.revocations.ready()])
  const issuedAtMs = clock.nowMs() - 60_000
  await one.revocations.revoke(Array.from({ length: 2_500 }, (_, index) => entry('token', `jti-${index}`)))
  await one.revocations.revoke([entry('service', 'orders', { issuedBeforeMs: clock.nowMs() })])
  await pass(300)
  state.lose()
  // One that starts now knows nothing of before, and must not let anything old through.
  const three = start()
  await three.revocations.ready()
  assert.equal(three.judge('token', 'jti-7', issuedAtMs), 'unknown')
  for (let step = 0; step < 100; step++) {
    for (const one of [three, two]) {
      assert.notEqual(one.judge('token', 'jti-7', issuedAtMs), 'good')
      assert.notEqual(one.judge('service', 'orders', issuedAtMs), 'good')
    }
    await pass(10)
  }
  assert.deepEqual([two.judge('token', 'jti-7', issuedAtMs), three.judge('token', 'jti-2499', issuedAtMs)], ['revoked', 'revoked'])
  // What is not revoked is good again as soon as the state is whole.
  assert.deepEqual([two.judge('token', 'other', issuedAtMs), three.judge('token', 'other', issuedAtMs)], ['good', 'good'])
  assert.equal(state.completeSinceMs, Number.NEGATIVE_INFINITY)
  assert.equal(three.revocations.size, 2_501)
})

test('refuses what is older than a loss that it was not there to see, until somebody gives the rest back', async (t) => {
  const { start, state, entry, pass, clock } = createWorld(t)
  const one = start()
  await one.revocations.ready()
  await one.revocations.revoke([entry('token', 'jti')])
  await pass(300)
  const issuedAtMs = clock.nowMs()
  one.way.fault = 'silent'
  await pass(5_000)
  // Meanwhile something else may have been revoked, and then everything was lost.
  state.lose()
  one.way.fault = null
  await pass(2_000)
  assert.equal(one.judge('token', 'jti', issuedAtMs), 'revoked')
  assert.equal(one.judge('token', 'other', issuedAtMs), 'unknown')
  assert.equal(one.judge('token', 'new', clock.nowMs()), 'good')
  // It has given back what it knew all the same.
  assert.deepEqual(
    (await state.state.revocations.pull(null, 10)).entries.map(({ id }) => id),
    ['jti'],
  )
  const { epoch } = one.revocations
  await state.restoreAll()
  await settle()
  assert.equal(one.judge('token', 'other', issuedAtMs), 'good')
  assert.ok(one.revocations.epoch > epoch)
})

test('gives everything back to a store that is lost once more meanwhile, and says that it is whole with the last part alone', async (t) => {
  const { start, state, entry, pass } = createWorld(t)
  const one = start()
  await one.revocations.ready()
  await one.revocations.revoke(Array.from({ length: 2_500 }, (_, index) => entry('token', `jti-${index}`)))
  await pass(300)
  const { restore } = one.way.revocations
  const parts: boolean[] = []
  let release = (): void => {}
  Object.assign(one.way.revocations, {
    async restore(...[entries, complete]: Parameters<typeof restore>) {
      parts.push(complete)
      if (parts.length === 3)
        await new Promise<void>((resolve) => {
          release = resolve
        })
      await restore(entries, complete)
    },
  })
  state.lose()
  await pass(300)
  assert.deepEqual(parts, [false, false, true])
  state.lose()
  await pass(300)
  release()
  await pass(600)
  assert.deepEqual(parts, [false, false, true, false, false, true])
  let ids = 0
  for (let page = await state.state.revocations.pull(null, 1_000); ; page = await state.state.revocations.pull(page.position, 1_000)) {
    ids += page.entries.length
    if (!page.more) break
  }
  assert.equal(ids, 2_500)
})

test('keeps asking to give back what it knew while the new store takes nothing', async (t) => {
  const { start, state, entry, pass, clock } = createWorld(t)
  const one = start()
  await one.revocations.ready()
  await one.revocations.revoke([entry('token', 'jti')])
  await pass(300)
  const issuedAtMs = clock.nowMs() - 1
  const { restore } = one.way.revocations
  Object.assign(one.way.revocations, { restore: () => Promise.reject(new StateError('unreachable', 'no connection')) })
  state.lose()
  await pass(1_000)
  assert.deepEqual([one.judge('token', 'jti', issuedAtMs), one.judge('token', 'other', issuedAtMs)], ['revoked', 'unknown'])
  Object.assign(one.way.revocations, { restore })
  await pass(600)
  assert.deepEqual(
    (await state.state.revocations.pull(null, 10)).entries.map(({ id }) => id),
    ['jti'],
  )
  assert.equal(one.judge('token', 'other', issuedAtMs), 'good')
})

test('forgets an entry once its time is over, by the store’s clock too, and none before', async (t) => {
  const { start, entry, pass, clock, jump } = createWorld(t)
  const one = start()
  await one.revocations.ready()
  await one.revocations.revoke([entry('token', 'short', { untilMs: clock.nowMs() + 2_000 }), entry('token', 'long')])
  await pass(1_900)
  assert.equal(one.revocations.size, 2)
  await pass(500)
  assert.equal(one.revocations.size, 1)
  // Our clock goes wrong for a moment; the store's does not.
  one.way.aheadMs = -7_200_000
  jump(7_200_000, 'clock')
  await pass(600)
  jump(-7_200_000, 'clock')
  one.way.aheadMs = 0
  await pass(600)
  assert.equal(one.judge('token', 'long'), 'revoked')
})

test('takes the later of two moments, whichever comes first', async (t) => {
  const { start, entry, clock } = createWorld(t)
  const [one, two] = [start(), start()]
  await Promise.all([one.revocations.ready(), two.revocations.ready()])
  const nowMs = clock.nowMs()
  await one.revocations.revoke([entry('service', 'orders', { issuedBeforeMs: nowMs })])
  await two.revocations.revoke([entry('service', 'orders', { issuedBeforeMs: nowMs - 5_000 })])
  await settle()
  for (const { judge } of [one, two]) {
    assert.deepEqual([judge('service', 'orders', nowMs - 1), judge('service', 'orders', nowMs)], ['revoked', 'good'])
  }
  await two.revocations.revoke([entry('service', 'orders')])
  await settle()
  assert.equal(one.judge('service', 'orders', nowMs + 1), 'revoked')
})

test('has no answer rather than a part of one where more is revoked than it may keep', async (t) => {
  const { start, state, entry, pass } = createWorld(t)
  const one = start({ maxEntries: 3 })
  await one.revocations.ready()
  await one.revocations.revoke([entry('token', 'a'), entry('token', 'b'), entry('token', 'c')])
  await pass(300)
  assert.equal(one.judge('token', 'other'), 'good')
  await state.state.commit({ revoke: [entry('token', 'd')] })
  await pass(1_300)
  assert.equal(one.judge('token', 'd'), 'unknown')
  assert.equal(one.revocations.has('token', 'a', 0), true)
  assert.deepEqual(one.recorder.of('state.degraded')[0]?.facts, { reason: 'full' })
})

test('reports once that the clocks are apart, and how far each time', async (t) => {
  const { start, pass } = createWorld(t)
  const one = start()
  await one.revocations.ready()
  one.way.aheadMs = 4_900
  await pass(600)
  assert.deepEqual(kindsOf(one), [])
  for (const aheadMs of [6_000, -6_000]) {
    one.way.aheadMs = aheadMs
    await pass(600)
    assert.equal(one.meter.values('clock_skew_seconds').at(-1), aheadMs / 1000)
    assert.deepEqual(kindsOf(one), ['clock.drifted'])
  }
  one.way.aheadMs = 0
  await pass(600)
  one.way.aheadMs = 10_000
  await pass(600)
  assert.deepEqual(kindsOf(one), ['clock.drifted', 'clock.drifted'])
  assert.deepEqual(one.recorder.events[1]?.facts, { aheadSeconds: 10, limitSeconds: 5 })
})

test('rejects ready while the store cannot be reached, and comes to be ready once it can', async (t) => {
  const { start, pass } = createWorld(t)
  const one = start()
  one.way.fault = 'refused'
  await assert.rejects(one.revocations.ready(), isStateError('unreachable'))
  one.way.fault = null
  await one.revocations.ready()
  assert.equal(one.judge('token', 'x'), 'good')
  await pass(0)
})

test('revokes nothing any more once it is closed, and grows old', async (t) => {
  const { start, entry, pass, state } = createWorld(t)
  const one = start()
  await one.revocations.ready()
  await one.revocations.close()
  await one.revocations.close()
  await assert.rejects(one.revocations.revoke([entry('token', 'a')]), isStateError('closed'))
  await state.state.commit({ revoke: [entry('token', 'b')] })
  const { pull } = one.way.asked
  await pass(1_100)
  assert.equal(one.way.asked.pull, pull)
  assert.equal(one.judge('token', 'b'), 'unknown')
})

test('tells the store once more when it closes what the store has not heard of', async (t) => {
  const { start, entry, state } = createWorld(t)
  const one = start()
  await one.revocations.ready()
  one.way.commitFault = 'refused'
  await assert.rejects(one.revocations.revoke([entry('token', 'jti')]), isStateError('unreachable'))
  one.way.commitFault = null
  await one.revocations.close()
  assert.deepEqual(
    (await state.state.revocations.pull(null, 10)).entries.map(({ id }) => id),
    ['jti'],
  )
})

test('refuses entries and options that nobody could obey', async (t) => {
  const { start, entry, clock, state } = createWorld(t)
  const one = start()
  await one.revocations.ready()
  const entries = [
    { ...entry('token', 'x'), kind: 'tokens' as 'token' },
    entry('token', ''),
    entry('token', 'x', { issuedBeforeMs: Number.NaN }),
    entry('token', 'x', { untilMs: Number.NaN }),
  ]
  for (const wrong of entries) {
    await assert.rejects(one.revocations.revoke([wrong]), (error: unknown) => error instanceof MisuseError)
  }
  assert.equal(one.revocations.size, 0)

  const good: RevocationsOptions = { store: state.state, clock, recorder: one.recorder, meter: one.meter }
  const options: readonly (readonly [Record<string, unknown>, string, string])[] = [
    [{ store: undefined }, 'store', 'ERR_OPTION_MISSING'],
    [{ recorder: null }, 'recorder', 'ERR_OPTION_MISSING'],
    [{ heartbeatMs: 5 }, 'heartbeatMs', 'ERR_OPTION_INVALID'],
    [{ leaseMs: 400 }, 'leaseMs', 'ERR_OPTION_CONTRADICTION'],
    [{ leaseMs: 1e9 }, 'leaseMs', 'ERR_OPTION_INVALID'],
    [{ maxEntries: 0 }, 'maxEntries', 'ERR_OPTION_INVALID'],
    [{ driftLimitSeconds: 0 }, 'driftLimitSeconds', 'ERR_OPTION_INVALID'],
    [{ steadyMs: 5 }, 'steadyMs', 'ERR_OPTION_INVALID'],
    [{ lease: 5 }, 'lease', 'ERR_OPTION_UNKNOWN'],
  ]
  for (const [wrong, option, code] of options) {
    assert.throws(
      () => createRevocations({ ...good, ...wrong }),
      (error: unknown) => error instanceof MisuseError && error.option === option && error.code === code,
      option,
    )
  }
})

test('ends a thousand rounds of revoking against authenticating with every revoked token refused by every process', async (t) => {
  const { start, state, clock } = createWorld(t)
  const [one, two] = [start(), start()]
  await Promise.all([one.revocations.ready(), two.revocations.ready()])
  const untilMs = clock.nowMs() + 3_600_000
  const revoked = new Set<string>()

  async function authenticate({ revocations, way }: Process, jti: string): Promise<void> {
    const version = (await way.read(['service']))[0]?.version ?? null
    await revocations.commit({ expect: [['service', version]], put: [{ key: 'service', value: jti, untilMs }] })
  }

  async function revokeCurrent({ revocations, way }: Process): Promise<void> {
    for (;;) {
      const current = (await way.read(['service']))[0] ?? null
      if (current === null) return
      const entry = {
        kind: 'token',
        id: current.value,
        issuedBeforeMs: Number.POSITIVE_INFINITY,
        untilMs,
        revokedAtMs: 0,
        reason: 'r',
      } as const
      if (!(await revocations.commit({ expect: [['service', current.version]], remove: ['service'], revoke: [entry] }))) continue
      revoked.add(current.value)
      return
    }
  }

  for (let round = 0; round < 1_000; round++) {
    const [first, second] = round % 2 === 0 ? [one, two] : [two, one]
    await Promise.all([authenticate(first, `jti-${round}`), revokeCurrent(second)])
    const current = (await state.state.read(['service']))[0]?.value
    assert.equal(current !== undefined && revoked.has(current), false)
  }
  await settle()
  assert.ok(revoked.size > 100)
  for (const jti of revoked) assert.deepEqual([one.judge('token', jti), two.judge('token', jti)], ['revoked', 'revoked'])
})
