import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MisuseError, type RevocationEntry, type RevocationPosition, StateError, type StateEvent, type StateStore } from '@countersign/core'
import { checkAgainstModel } from './model.js'

/** A store as the contract sees it. */
export interface OpenedStore {
  readonly store: StateStore
  /** What another process has of the same state. */
  another(): Promise<StateStore>
  /** The store's clock. Epoch milliseconds. */
  nowMs(): number
  /** Lets so much time go by for the store. */
  pass(ms: number): Promise<void>
  /** Ends it, whether or not it was closed. */
  release(): Promise<void>
}

/** What every {@link StateStore} does. `open`: an empty store each time. */
export function contractOf(name: string, open: () => Promise<OpenedStore>): void {
  function claims(claim: string, check: (opened: OpenedStore) => Promise<void>): void {
    test(`${name}: ${claim}`, async () => {
      const opened = await open()
      try {
        await opened.store.ready()
        await check(opened)
      } finally {
        await opened.release()
      }
    })
  }

  claims('reads what was written, in the order asked for, and null for what is not there', async ({ store, nowMs }) => {
    const untilMs = nowMs() + 60_000
    assert.equal(await store.commit({ put: [put('a', '1', untilMs), put('b', '{"x":"é\\u0000\n"}', untilMs)] }), true)
    const [b, none, a] = await store.read(['b', 'none', 'a'])
    assert.deepEqual([b?.value, none, a?.value], ['{"x":"é\\u0000\n"}', null, '1'])
    assert.notEqual(a?.version, b?.version)
    assert.deepEqual(await store.read([]), [])
  })

  claims('gives another process the same records, and takes its changes', async ({ store, another, nowMs }) => {
    const other = await another()
    await store.commit({ put: [put('a', '1', nowMs() + 60_000)] })
    const [seen] = await other.read(['a'])
    assert.equal(seen?.value, '1')
    assert.equal(await other.commit({ expect: [['a', seen.version]], put: [put('a', '2', nowMs() + 60_000)] }), true)
    assert.equal((await store.read(['a']))[0]?.value, '2')
    assert.equal(await store.commit({ expect: [['a', seen.version]], put: [put('a', '3', nowMs() + 60_000)] }), false)
  })

  claims('changes nothing at all where one of several things is not as it was read', async ({ store, nowMs }) => {
    const untilMs = nowMs() + 60_000
    await store.commit({ put: [put('a', '1', untilMs), put('b', '1', untilMs)] })
    const [a, b] = await store.read(['a', 'b'])
    const made = await store.commit({
      expect: [
        ['a', a?.version ?? null],
        ['b', (b?.version ?? 0) + 1_000_000],
        ['c', null],
      ],
      put: [put('a', '2', untilMs), put('c', '1', untilMs)],
      remove: ['b'],
      revoke: [entry('token', 'jti', nowMs())],
      emit: [event('e', 'topic', nowMs())],
    })
    assert.equal(made, false)
    assert.deepEqual(await store.read(['a', 'b', 'c']), [a, b, null])
    assert.deepEqual(await pullAll(store), [])
    assert.deepEqual(await store.outbox.take(10, 1_000), [])
  })

  claims('makes the whole of a change: records, revocations and events', async ({ store, nowMs }) => {
    const untilMs = nowMs() + 60_000
    await store.commit({ put: [put('old', '1', untilMs)] })
    const revoked = entry('token', 'jti', nowMs())
    const told = event('e', 'auth.token.revoked', nowMs())
    const expect = [['new', null]] as const
    assert.equal(await store.commit({ expect, put: [put('new', '1', untilMs)], remove: ['old'], revoke: [revoked], emit: [told] }), true)
    const [old, fresh] = await store.read(['old', 'new'])
    assert.deepEqual([old, fresh?.value], [null, '1'])
    assert.deepEqual(await pullAll(store), [revoked])
    assert.deepEqual(await store.outbox.take(10, 1_000), [told])
  })

  claims('lets one of many win who expect the same version', async ({ store, another, nowMs }) => {
    const other = await another()
    const untilMs = nowMs() + 60_000
    await store.commit({ put: [put('lock', 'free', untilMs)] })
    const version = (await store.read(['lock']))[0]?.version ?? null
    const made = await Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        (index % 2 === 0 ? store : other).commit({ expect: [['lock', version]], put: [put('lock', `${index}`, untilMs)] }),
      ),
    )
    assert.equal(made.filter(Boolean).length, 1)
    assert.equal((await store.read(['lock']))[0]?.value, String(made.indexOf(true)))
  })

  claims('lets one of many win who expect that nothing is there', async ({ store, nowMs }) => {
    const untilMs = nowMs() + 60_000
    const made = await Promise.all(
      Array.from({ length: 20 }, (_, index) => store.commit({ expect: [['new', null]], put: [put('new', `${index}`, untilMs)] })),
    )
    assert.equal(made.filter(Boolean).length, 1)
  })

  claims('never gives a version twice, not after a removal nor after an expiry', async ({ store, nowMs, pass }) => {
    const seen = new Set<number>()
    async function write(untilMs: number): Promise<void> {
      await store.commit({ put: [put('a', 'same', untilMs)] })
      const version = (await store.read(['a']))[0]?.version
      assert.ok(version !== undefined && !seen.has(version))
      seen.add(version)
    }
    await write(nowMs() + 60_000)
    await store.commit({ remove: ['a'] })
    await write(nowMs() + 60_000)
    await write(nowMs() + 60_000)
    await write(nowMs() + 100)
    await pass(1_200)
    const [gone] = await store.read(['a'])
    assert.equal(gone, null)
    await write(nowMs() + 60_000)
    const [first] = seen
    assert.equal(await store.commit({ expect: [['a', first ?? null]], remove: ['a'] }), false)
  })

  claims('forgets a record within a second after its time, and not before', async ({ store, nowMs, pass }) => {
    await store.commit({ put: [put('short', '1', nowMs() + 1_500), put('long', '1', nowMs() + 60_000)] })
    await pass(1_000)
    assert.equal((await store.read(['short']))[0]?.value, '1')
    await pass(1_500)
    const [short, long] = await store.read(['short', 'long'])
    assert.deepEqual([short, long?.value], [null, '1'])
    assert.equal(await store.commit({ expect: [['short', null]], put: [put('short', '2', nowMs() + 60_000)] }), true)
  })

  claims('gives a record that is written again its new time', async ({ store, nowMs, pass }) => {
    await store.commit({ put: [put('renewed', '1', nowMs() + 500), put('shortened', '1', nowMs() + 60_000)] })
    await store.commit({ put: [put('renewed', '2', nowMs() + 60_000), put('shortened', '2', nowMs() + 500)] })
    await pass(1_600)
    await store.commit({ put: [put('another', '1', nowMs() + 60_000)] })
    const [renewed, shortened] = await store.read(['renewed', 'shortened'])
    assert.deepEqual([renewed?.value, shortened], ['2', null])
  })

  claims('takes a record for over whose time is over already', async ({ store, nowMs }) => {
    await store.commit({ put: [put('past', '1', nowMs() - 1_000)] })
    assert.deepEqual(await store.read(['past']), [null])
  })

  claims('does not mistake one key for another', async ({ store, nowMs }) => {
    const keys = [
      'a',
      'A',
      'a:b',
      'a:b:',
      '{a}:b',
      '{a}',
      'a{b}',
      '*',
      '?',
      '[a]',
      'a b',
      'a\nb',
      'é',
      'e\u0301',
      '𝒂',
      '\u0000',
      'null',
      '__proto__',
    ]
    await store.commit({ put: keys.map((key, index) => put(key, `${index}`, nowMs() + 60_000)) })
    assert.deepEqual(
      (await store.read(keys)).map((record) => record?.value),
      keys.map((_, index) => `${index}`),
    )
    await store.commit({ remove: ['*', '{a}'] })
    const left = (await store.read(keys)).flatMap((record, index) => (record === null ? [] : [keys[index]]))
    assert.deepEqual(
      left,
      keys.filter((key) => key !== '*' && key !== '{a}'),
    )
  })

  claims('keeps a claim and a record of one name apart', async ({ store, nowMs }) => {
    assert.equal(await store.claim('same', nowMs() + 60_000), 'first')
    assert.deepEqual(await store.read(['same']), [null])
    await store.commit({ put: [put('other', '1', nowMs() + 60_000)] })
    assert.equal(await store.claim('other', nowMs() + 60_000), 'first')
  })

  claims('gives one claim of a hundred the first, whichever process asks', async ({ store, another, nowMs }) => {
    const other = await another()
    const untilMs = nowMs() + 60_000
    const claimed = await Promise.all(Array.from({ length: 100 }, (_, index) => (index % 2 === 0 ? store : other).claim('jti', untilMs)))
    assert.equal(claimed.filter((claim) => claim === 'first').length, 1)
    assert.equal(claimed.filter((claim) => claim === 'again').length, 99)
  })

  claims('remembers a claim until its time, and no longer', async ({ store, nowMs, pass }) => {
    assert.equal(await store.claim('jti', nowMs() + 1_500), 'first')
    await pass(1_000)
    assert.equal(await store.claim('jti', nowMs() + 60_000), 'again')
    await pass(1_500)
    assert.equal(await store.claim('jti', nowMs() + 60_000), 'first')
  })

  claims('pages through the log of revocations without losing or repeating one', async ({ store, nowMs }) => {
    const ids = Array.from({ length: 10_000 }, (_, index) => `jti-${index}`)
    for (let from = 0; from < ids.length; from += 1_000) {
      await store.commit({ revoke: ids.slice(from, from + 1_000).map((id) => entry('token', id, nowMs())) })
    }
    const first = await store.revocations.pull(null, 37)
    assert.deepEqual([first.entries.length, first.more, first.whole], [37, true, true])
    const seen = [...first.entries]
    for (let page = first; page.more; ) {
      page = await store.revocations.pull(page.position, 137)
      assert.equal(page.whole, false)
      assert.ok(page.entries.length <= 137)
      seen.push(...page.entries)
    }
    assert.deepEqual(new Set(seen.map(({ id }) => id)).size, 10_000)
    assert.equal(seen.length, 10_000)
  })

  claims('shows after a position only what was revoked since, with every detail', async ({ store, another, nowMs }) => {
    const other = await another()
    await store.commit({ revoke: [entry('token', 'before', nowMs())] })
    const { position } = await store.revocations.pull(null, 100)
    const entries: RevocationEntry[] = [
      {
        kind: 'service',
        id: 'spiffe://prod.example/é',
        issuedBeforeMs: nowMs(),
        untilMs: nowMs() + 60_000,
        revokedAtMs: nowMs(),
        reason: 'a b',
      },
      {
        kind: 'key',
        id: 'kid',
        issuedBeforeMs: Number.POSITIVE_INFINITY,
        untilMs: nowMs() + 60_000,
        revokedAtMs: 1,
        reason: 'key-compromise',
      },
      { kind: 'certificate', id: 'x5t', issuedBeforeMs: Number.POSITIVE_INFINITY, untilMs: nowMs() + 60_000, revokedAtMs: 1, reason: 'r' },
      { kind: 'session', id: 'token', issuedBeforeMs: Number.POSITIVE_INFINITY, untilMs: nowMs() + 60_000, revokedAtMs: 1, reason: 'r' },
      { kind: 'token', id: 'token', issuedBeforeMs: Number.POSITIVE_INFINITY, untilMs: nowMs() + 60_000, revokedAtMs: 1, reason: 'r' },
    ]
    await other.commit({ revoke: entries })
    const page = await store.revocations.pull(position, 100)
    assert.deepEqual([page.entries, page.more, page.whole], [entries, false, false])
    const next = await store.revocations.pull(page.position, 100)
    assert.deepEqual([next.entries, next.more, next.whole], [[], false, false])
    assert.ok(Math.abs(next.storeNowMs - nowMs()) < 2_000)
  })

  claims('shows what is revoked again behind every position, with the later moments', async ({ store, nowMs }) => {
    const base = entry('service', 'spiffe://prod.example/orders', nowMs())
    await store.commit({ revoke: [{ ...base, issuedBeforeMs: 2_000, untilMs: nowMs() + 50_000 }] })
    const { position } = await store.revocations.pull(null, 10)
    await store.commit({ revoke: [{ ...base, issuedBeforeMs: 1_000, untilMs: nowMs() + 60_000 }] })
    const page = await store.revocations.pull(position, 10)
    assert.equal(page.entries.length, 1)
    assert.ok((page.entries[0]?.untilMs ?? 0) > nowMs() + 55_000)
    const all = await pullAll(store)
    assert.equal(Math.max(...all.map(({ issuedBeforeMs }) => issuedBeforeMs)), 2_000)
  })

  claims('begins anew for a position of another generation, or one that nobody gave out', async ({ store, nowMs }) => {
    const revoked = entry('token', 'jti', nowMs())
    await store.commit({ revoke: [revoked] })
    const { position } = await store.revocations.pull(null, 10)
    const strange: RevocationPosition[] = [
      { generation: 'another', offset: position.offset },
      { generation: position.generation, offset: 'nonsense' },
    ]
    for (const after of strange) {
      const page = await store.revocations.pull(after, 10)
      assert.deepEqual([page.whole, page.entries, page.position], [true, [revoked], position])
    }
  })

  claims('keeps its generation while it loses nothing', async ({ store, another, nowMs }) => {
    const before = await store.revocations.pull(null, 10)
    await store.commit({ revoke: [entry('token', 'jti', nowMs())] })
    const after = await (await another()).revocations.pull(null, 10)
    assert.equal(after.position.generation, before.position.generation)
    assert.notEqual(after.position.offset, before.position.offset)
  })

  claims('forgets a revocation only once its time is over', async ({ store, nowMs, pass }) => {
    const short = { ...entry('token', 'short', nowMs()), untilMs: nowMs() + 1_500 }
    await store.commit({ revoke: [short, entry('token', 'long', nowMs())] })
    await pass(1_000)
    assert.deepEqual((await pullAll(store)).map(({ id }) => id).sort(), ['long', 'short'])
    await pass(1_500)
    await store.commit({ revoke: [entry('token', 'later', nowMs())] })
    assert.deepEqual((await pullAll(store)).map(({ id }) => id).sort(), ['later', 'long'])
  })

  claims('takes back what a process knew, in parts, and knows no less of the past with the last', async ({ store, nowMs }) => {
    const known = entry('token', 'known', nowMs())
    await store.commit({ revoke: [known] })
    const { completeSinceMs } = await store.revocations.pull(null, 10)
    await store.revocations.restore([known, entry('token', 'restored', nowMs())], false)
    await store.revocations.restore([entry('key', 'kid', nowMs())], true)
    assert.deepEqual((await pullAll(store)).map(({ kind, id }) => `${kind} ${id}`).sort(), ['key kid', 'token known', 'token restored'])
    assert.ok((await store.revocations.pull(null, 10)).completeSinceMs <= completeSinceMs)
  })

  claims('does not shorten what it knows when an older view is restored', async ({ store, nowMs }) => {
    const long = { ...entry('token', 'jti', nowMs()), untilMs: nowMs() + 60_000 }
    await store.commit({ revoke: [long] })
    await store.revocations.restore([{ ...long, issuedBeforeMs: 5, untilMs: nowMs() + 10_000 }], true)
    const all = await pullAll(store)
    assert.equal(Math.max(...all.map(({ untilMs }) => untilMs)), long.untilMs)
    assert.equal(Math.max(...all.map(({ issuedBeforeMs }) => issuedBeforeMs)), Number.POSITIVE_INFINITY)
  })

  claims('says soon that something was revoked, to every process that listens, until it stops', async ({ store, another, nowMs }) => {
    const other = await another()
    const heard: string[] = []
    let stop = (): void => {}
    const here = new Promise<void>((resolve) => {
      stop = store.revocations.onAppend(() => resolve(void heard.push('here')))
    })
    const there = new Promise<void>((resolve) => void other.revocations.onAppend(resolve))
    await Promise.all([store.ready(), other.ready()])
    await store.commit({ revoke: [entry('token', 'a', nowMs())] })
    await Promise.all([here, there])
    stop()
    const before = heard.length
    await store.commit({ revoke: [entry('token', 'b', nowMs())] })
    await store.revocations.pull(null, 10)
    assert.equal(heard.length, before)
  })

  claims('hands out events in the order of their commits, each to one taker', async ({ store, another, nowMs }) => {
    const other = await another()
    const ids = Array.from({ length: 10 }, (_, index) => `e${index}`)
    for (const id of ids) await store.commit({ emit: [event(id, 'topic', nowMs())] })
    const first = await store.outbox.take(4, 60_000)
    const second = await other.outbox.take(100, 60_000)
    assert.deepEqual(
      [...first, ...second].map(({ id }) => id),
      ids,
    )
    assert.deepEqual(first[0], event('e0', 'topic', nowMs(), first[0]?.atMs))
    assert.deepEqual(await store.outbox.take(100, 60_000), [])
  })

  claims(
    'hands out again what was not acknowledged, once the lease is over, and never what was',
    async ({ store, another, nowMs, pass }) => {
      await store.commit({ emit: ['a', 'b', 'c'].map((id) => event(id, 'topic', nowMs())) })
      const taken = await store.outbox.take(2, 1_000)
      assert.deepEqual(
        taken.map(({ id }) => id),
        ['a', 'b'],
      )
      await store.outbox.acknowledge(['a'])
      await pass(1_500)
      const again = await (await another()).outbox.take(10, 1_000)
      assert.deepEqual(again.map(({ id }) => id).sort(), ['b', 'c'])
      await store.outbox.acknowledge(['b', 'c', 'never-heard-of'])
      await pass(1_500)
      assert.deepEqual(await store.outbox.take(10, 1_000), [])
    },
  )

  claims('does not add an event that waits already', async ({ store, nowMs }) => {
    await store.commit({ emit: [event('a', 'topic', nowMs()), event('b', 'topic', nowMs())] })
    await store.outbox.take(1, 60_000)
    await store.commit({ emit: [event('a', 'topic', nowMs()), event('b', 'topic', nowMs()), event('c', 'topic', nowMs())] })
    const taken = await store.outbox.take(10, 60_000)
    assert.deepEqual(
      taken.map(({ id }) => id),
      ['b', 'c'],
    )
  })

  claims('refuses what no store takes, before it changes anything', async ({ store, nowMs }) => {
    const untilMs = nowMs() + 60_000
    const long = 'x'.repeat(262_145)
    const wrong = [
      () => store.commit({ put: [put('ok', '1', untilMs), put('big', long, untilMs)] }),
      () => store.commit({ put: [put('ok', '1', untilMs), put('big', 'é'.repeat(131_073), untilMs)] }),
      () => store.commit({ put: [put('ok', '1', untilMs), put('', '1', untilMs)] }),
      () => store.commit({ put: [put('ok', '1', untilMs), put('x'.repeat(2_049), '1', untilMs)] }),
      () => store.commit({ put: [put('ok', '1', untilMs), put('\ud800', '1', untilMs)] }),
      () => store.commit({ put: [put('ok', '1', untilMs), put('ok', '2', untilMs)] }),
      () => store.commit({ put: [put('ok', '1', untilMs)], remove: ['ok'] }),
      () => store.commit({ put: [put('ok', '1', untilMs), put('never', '1', Number.NaN)] }),
      () => store.commit({ put: [put('ok', '1', untilMs)], emit: [{ ...event('e', 'topic', 0), payload: long }] }),
      () => store.commit({ put: [put('ok', '1', untilMs)], revoke: [entry('token', '', 0)] }),
      () => store.commit({ put: [put('ok', '1', untilMs)], revoke: [{ ...entry('token', 'jti', 0), untilMs: Number.NaN }] }),
      () => store.claim('', untilMs),
      () => store.claim('\udfff', untilMs),
      () => store.read(['ok', '\ud800']),
    ]
    for (const attempt of wrong) {
      await assert.rejects(attempt, (error: unknown) => error instanceof MisuseError && error.code === 'ERR_OPTION_INVALID')
    }
    assert.deepEqual(await store.read(['ok']), [null])
    assert.equal(await store.commit({ put: [put('big', 'x'.repeat(262_144), untilMs)] }), true)
    assert.equal((await store.read(['big']))[0]?.value.length, 262_144)
  })

  claims('rejects whatever it is asked once it is closed', async ({ store, nowMs }) => {
    await store.close()
    await store.close()
    const attempts = [
      () => store.read(['a']),
      () => store.commit({ put: [put('a', '1', nowMs() + 1_000)] }),
      () => store.claim('jti', nowMs() + 1_000),
      () => store.revocations.pull(null, 10),
      () => store.revocations.restore([], true),
      () => store.outbox.take(1, 1_000),
      () => store.outbox.acknowledge(['a']),
      () => store.ready(),
    ]
    for (const attempt of attempts) {
      await assert.rejects(attempt, (error: unknown) => error instanceof StateError && error.reason === 'closed')
    }
  })

  claims(
    'ends a thousand rounds of revoking against authenticating with every revoked token revoked',
    async ({ store, another, nowMs }) => {
      const other = await another()
      const untilMs = nowMs() + 600_000
      const revoked = new Set<string>()
      let { position } = await store.revocations.pull(null, 1)
      for (let round = 0; round < 1_000; round++) {
        const before = (await store.read(['service']))[0]?.version ?? null
        await Promise.all([
          // Authenticates: the record names the token that was issued.
          store.commit({ expect: [['service', before]], put: [put('service', `jti-${round}`, untilMs)] }),
          // Revokes whatever token the record names, in one step with taking it out.
          revokeCurrent(other, 'service', nowMs()),
        ])
        const page = await store.revocations.pull(position, 100)
        position = page.position
        for (const { id } of page.entries) revoked.add(id)
        assert.equal(revoked.has((await store.read(['service']))[0]?.value ?? ''), false)
      }
      assert.ok(revoked.size > 0)
    },
  )

  claims('does what the model does, whatever the interleaving of its writers', ({ store, another, nowMs }) =>
    checkAgainstModel(store, another, nowMs),
  )
}

async function revokeCurrent(store: StateStore, key: string, nowMs: number): Promise<void> {
  for (;;) {
    const record = (await store.read([key]))[0] ?? null
    if (record === null) return
    const isMade = await store.commit({ expect: [[key, record.version]], remove: [key], revoke: [entry('token', record.value, nowMs)] })
    if (isMade) return
  }
}

/** Every entry of the log as it is now, each id once. */
async function pullAll(store: StateStore): Promise<readonly RevocationEntry[]> {
  const entries: RevocationEntry[] = []
  let position: RevocationPosition | null = null
  for (let more = true; more; ) {
    const page = await store.revocations.pull(position, 1_000)
    entries.push(...page.entries)
    position = page.position
    more = page.more
  }
  return entries
}

function put(key: string, value: string, untilMs: number) {
  return { key, value, untilMs }
}

function entry(kind: RevocationEntry['kind'], id: string, nowMs: number): RevocationEntry {
  return { kind, id, issuedBeforeMs: Number.POSITIVE_INFINITY, untilMs: nowMs + 600_000, revokedAtMs: nowMs, reason: 'key-compromise' }
}

function event(id: string, topic: string, nowMs: number, atMs = nowMs): StateEvent {
  return { id, topic, payload: `{"id":"${id}"}`, atMs }
}
