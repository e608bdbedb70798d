import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { QuotaRequest, QuotaState, QuotaStore, Quotas } from '@countersign/core'
import { createLimiter, createMemoryQuotaStore, type LimitOptions } from '@countersign/limit'
import { onLine } from './lines.js'
import { connectionFrom, createTestSurroundings, inboundOn, workload } from './surroundings.js'

const SERVER = fileURLToPath(new URL('quota-server.js', import.meta.url))

async function startServer(t: TestContext, port = 0): Promise<{ readonly port: number; readonly process: ChildProcess }> {
  const child = fork(SERVER, [String(port)])
  t.after(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  })
  const [address] = (await once(child, 'message')) as [AddressInfo]
  return { port: address.port, process: child }
}

/** A store at the other end of a TCP connection, which it makes again when it is gone. */
function createTcpStore(port: number): QuotaStore & { close(): void } {
  let socket: Socket | null = null
  let waiting: { resolve(states: QuotaState[]): void; reject(cause: unknown): void }[] = []

  function connected(): Socket {
    if (socket !== null) return socket
    const made = connect(port, '127.0.0.1')
    socket = made
    onLine(made, (line) => waiting.shift()?.resolve(JSON.parse(line)))
    made.on('error', () => {})
    made.on('close', () => {
      if (socket === made) socket = null
      const left = waiting
      waiting = []
      for (const { reject } of left) reject(Object.assign(new Error('the store is gone'), { code: 'ECONNRESET' }))
    })
    return made
  }

  return {
    take(requests: readonly QuotaRequest[], nowMs: number) {
      return new Promise<QuotaState[]>((resolve, reject) => {
        waiting.push({ resolve, reject })
        connected().write(`${JSON.stringify({ requests, nowMs })}\n`)
      })
    },
    close() {
      socket?.destroy()
    },
  }
}

function limiterOn(t: TestContext, store: QuotaStore & { close?(): void }, options: LimitOptions = {}) {
  const surroundings = createTestSurroundings()
  const limiter = createLimiter({ perCaller: { quota: 3, windowSeconds: 60 }, store, ...options }, surroundings)
  t.after(async () => {
    await limiter.close()
    store.close?.()
  })
  const take = (): Quotas | Promise<Quotas> => limiter.take(workload('/a'), inboundOn(connectionFrom('192.0.2.1')), '/')
  return { ...surroundings, limiter, take }
}

async function passing(count: number, take: () => Quotas | Promise<Quotas>): Promise<number> {
  let passed = 0
  for (let index = 0; index < count; index++) if ((await take()).refusal === null) passed++
  return passed
}

interface PromiseWithResolvers<T> {
  readonly promise: Promise<T>
  resolve(value: T): void
  reject(cause: unknown): void
}

function withResolvers<T>(): PromiseWithResolvers<T> {
  let resolve: (value: T) => void = () => {}
  let reject: (cause: unknown) => void = () => {}
  const promise = new Promise<T>((onValue, onCause) => {
    resolve = onValue
    reject = onCause
  })
  return { promise, resolve: (value) => resolve(value), reject: (cause) => reject(cause) }
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL')
  await once(child, 'exit')
}

test('two limiters that share a store share a quota', async (t) => {
  const { port } = await startServer(t)
  const [one, other] = [limiterOn(t, createTcpStore(port)), limiterOn(t, createTcpStore(port))]
  assert.equal((await passing(2, one.take)) + (await passing(5, other.take)), 3)
  assert.deepEqual((await one.take()).headers, {
    RateLimit: '"caller";r=0;t=20',
    'RateLimit-Policy': '"caller";q=3;w=60',
    'Retry-After': '20',
  })
  assert.equal(one.limiter.toString(), '3 in 60 s a caller, in a shared store')
})

test('when the store is killed the same quotas go on in this process, told once', async (t) => {
  const { port, process: child } = await startServer(t)
  const { take, events, counts } = limiterOn(t, createTcpStore(port))
  assert.equal(await passing(1, take), 1)
  await kill(child)
  assert.equal(await passing(10, take), 3)
  assert.deepEqual(
    events.map(({ kind, code, facts }) => ({ kind, code, facts })),
    [{ kind: 'limit.degraded', code: 'ERR_LIMITER_UNAVAILABLE', facts: { reason: 'error', whenUnavailable: 'limit-locally' } }],
  )
  assert.equal(counts.get('rate_limit_store_failures_total reason error'), 1)
})

test('while the store is down nobody waits for it: a decision is synchronous', async (t) => {
  const { port, process: child } = await startServer(t)
  const { take } = limiterOn(t, createTcpStore(port))
  await kill(child)
  await take()
  assert.ok(!(take() instanceof Promise))
})

test('a store that is back is used again, told once', async (t) => {
  const { port, process: child } = await startServer(t)
  const { clock, take, events } = limiterOn(t, createTcpStore(port))
  await kill(child)
  assert.equal(await passing(5, take), 3)
  await startServer(t, port)
  clock.advanceMs(999)
  assert.equal((await take()).refusal?.code, 'ERR_QUOTA_EXCEEDED')
  clock.advanceMs(1)
  assert.equal(await passing(5, take), 3)
  assert.deepEqual(
    events.map(({ kind }) => kind),
    ['limit.degraded', 'limit.restored'],
  )
})

test('a store that is still down is asked by one request in a second, and told of no more', async (t) => {
  const { port, process: child } = await startServer(t)
  const { clock, take, events, counts } = limiterOn(t, createTcpStore(port))
  await kill(child)
  for (let second = 0; second < 3; second++) {
    await passing(5, take)
    clock.advanceMs(1000)
  }
  assert.equal(counts.get('rate_limit_store_failures_total reason error'), 3)
  assert.equal(events.length, 1)
})

test('a store that hangs is not waited for', async (t) => {
  const { port, process: child } = await startServer(t)
  const { take, events } = limiterOn(t, createTcpStore(port))
  await take()
  child.kill('SIGSTOP')
  assert.equal(await passing(5, take), 3)
  child.kill('SIGCONT')
  assert.deepEqual(
    events.map(({ facts }) => facts['reason']),
    ['timeout'],
  )
})

test("with 'refuse' a store that is down refuses every request", async (t) => {
  const { port, process: child } = await startServer(t)
  const { take } = limiterOn(t, createTcpStore(port), { whenUnavailable: 'refuse' })
  assert.equal(await passing(1, take), 1)
  await kill(child)
  for (let index = 0; index < 3; index++) assert.equal((await take()).refusal?.code, 'ERR_LIMITER_UNAVAILABLE')
})

test("with 'dangerously-allow' a store that is down lets every request through", async (t) => {
  const { port, process: child } = await startServer(t)
  const { take } = limiterOn(t, createTcpStore(port), { whenUnavailable: 'dangerously-allow' })
  await kill(child)
  assert.equal(await passing(10, take), 10)
})

test('a whole burst in flight when the store dies is one event, and is limited', async (t) => {
  const { port, process: child } = await startServer(t)
  const { take, events } = limiterOn(t, createTcpStore(port))
  await take()
  child.kill('SIGSTOP')
  const inFlight = Array.from({ length: 20 }, () => take())
  await kill(child)
  const answers = await Promise.all(inFlight)
  assert.equal(answers.filter(({ refusal }) => refusal === null).length, 3)
  assert.equal(events.length, 1)
})

const LIES: readonly [claim: string, answer: unknown][] = [
  ['nothing', undefined],
  ['null', null],
  ['true', true],
  ['too few states', []],
  ['a state without a verdict', [{ remaining: 1, retryAfterMs: 0, resetMs: 0 }]],
  ['a truthy verdict', [{ allowed: 1, remaining: 1, retryAfterMs: 0, resetMs: 0 }]],
  ['a count that is NaN', [{ allowed: true, remaining: Number.NaN, retryAfterMs: 0, resetMs: 0 }]],
  ['a count below nothing', [{ allowed: true, remaining: -1, retryAfterMs: 0, resetMs: 0 }]],
  ['a time that is no number', [{ allowed: false, remaining: 0, retryAfterMs: '1', resetMs: 0 }]],
]

for (const [claim, answer] of LIES) {
  test(`a store that answers ${claim} has not answered`, async (t) => {
    for (const take of [() => answer, async () => answer]) {
      const limited = limiterOn(t, { take } as unknown as QuotaStore, { whenUnavailable: 'refuse' })
      assert.equal((await limited.take()).refusal?.code, 'ERR_LIMITER_UNAVAILABLE')
      assert.equal(limited.events[0]?.facts['reason'], 'answer')
    }
  })
}

test('a refusal without a time to wait is told to wait for a second', async (t) => {
  const { take } = limiterOn(t, { take: () => [{ allowed: false, remaining: 0, retryAfterMs: 0, resetMs: 0 }] })
  assert.equal((await take()).headers['Retry-After'], '1')
})

test('an answer that was on its way when the store went down does not mean that it is back', async (t) => {
  const answers: PromiseWithResolvers<QuotaState[]>[] = []
  const { take, events } = limiterOn(t, {
    take() {
      const answer = withResolvers<QuotaState[]>()
      answers.push(answer)
      return answer.promise
    },
  })
  const [early, failing] = [take(), take()]
  answers[1]?.reject(new Error('gone'))
  await failing
  answers[0]?.resolve([{ allowed: true, remaining: 1, retryAfterMs: 0, resetMs: 0 }])
  await early
  assert.deepEqual(
    events.map(({ kind }) => kind),
    ['limit.degraded'],
  )
})

test('a clock that is set back does not keep a store from being asked again', async (t) => {
  const { port, process: child } = await startServer(t)
  const { clock, take, counts } = limiterOn(t, createTcpStore(port))
  await kill(child)
  await take()
  clock.advanceMs(-86_400_000)
  await take()
  assert.equal(counts.get('rate_limit_store_failures_total reason error'), 2)
})

test('a store that throws is a store that is down', async (t) => {
  const { take, events } = limiterOn(t, { take: () => assert.fail('broken') })
  assert.equal(await passing(5, take), 3)
  assert.equal(events.length, 1)
})

test('a store that never waits is asked without a promise, and is left to its maker to close', async () => {
  let closed = 0
  const store = createMemoryQuotaStore()
  const limiter = createLimiter(
    { store: Object.assign({ close: async () => void closed++ }, { take: store.take }) },
    createTestSurroundings(),
  )
  assert.ok(!(limiter.take(workload('/a'), inboundOn(connectionFrom(null)), '/') instanceof Promise))
  await limiter.close()
  assert.equal(closed, 0)
})

test('a recorder and a meter that throw do not decide who gets in', async () => {
  const surroundings = createTestSurroundings()
  const broken = { add: () => assert.fail('sink'), record: () => assert.fail('sink') }
  const limiter = createLimiter(
    { store: { take: () => assert.fail('down') } },
    {
      clock: surroundings.clock,
      recorder: { ...surroundings.recorder, record: () => assert.fail('sink') },
      meter: { createCounter: () => broken, createGauge: () => broken, createHistogram: () => broken },
    },
  )
  assert.equal((await limiter.take(workload('/a'), inboundOn(connectionFrom(null)), '/')).refusal, null)
})
