import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CLIENT_KINDS } from './clients.js'
import { createProcessMesh, issue, type MeshProcess, type ProcessMesh } from './processes.js'
import { startRedis } from './redis-server.js'
import { startProxy } from './silent-proxy.js'
import { eventually, serverForFile } from './stores.js'

const REVOKED = 'ERR_TOKEN_REVOKED'
/** What a caller is told where the store is silent: the precise code is in the log alone. */
const UNKNOWN = 'ERR_UNAVAILABLE'
/** Within which every process obeys a revocation. */
const BOUND_MS = 1_000
/** A lease, and the time that a busy machine takes to look. */
const LEASE_MS = 1_500

const server = await serverForFile()

for (const kind of CLIENT_KINDS)
  test(`${kind}: what is revoked in one process is refused in every other within a second, on connections that stay open`, async (t) => {
    const mesh = createProcessMesh(t)
    const start = (): ReturnType<ProcessMesh['start']> => mesh.start(server.port, { kind })
    const [first, second, third] = await Promise.all([start(), start(), start()])
    const slowest: number[] = []
    for (let round = 0; round < 10; round++) {
      const { token, jti } = issue()
      for (const process of [second, third]) assert.equal(await process.send(token), 'served')
      const begunMs = performance.now()
      await first.ask({ ask: 'revoke', id: jti })
      for (const process of [second, third])
        await eventually(
          () => process.send(token),
          (said) => said === REVOKED,
        )
      slowest.push(performance.now() - begunMs)
      assert.equal(await first.send(token), REVOKED)
      assert.equal(await second.send(issue().token), 'served')
    }
    assert.ok(Math.max(...slowest) <= BOUND_MS, `${Math.max(...slowest)} ms`)
    t.diagnostic(`refused everywhere after ${Math.max(...slowest).toFixed(0)} ms at most, of ${slowest.length} rounds`)
  })

test('of a hundred claims of one id over two processes one is the first, every time', async (t) => {
  const mesh = createProcessMesh(t)
  const processes = [await mesh.start(server.port), await mesh.start(server.port, { kind: 'ioredis' })]
  for (let round = 0; round < 20; round++) {
    const ids = Array.from({ length: 50 }, () => `redeemed-${round}`)
    const claims = (await Promise.all(processes.map((process) => process.ask<readonly string[]>({ ask: 'claim', ids })))).flat()
    assert.equal(claims.length, 100)
    assert.equal(claims.filter((claim) => claim === 'first').length, 1)
    assert.equal(claims.filter((claim) => claim === 'again').length, 99)
  }
})

test('a thousand rounds of revoking against authenticating never leave a revoked token current', async (t) => {
  const mesh = createProcessMesh(t)
  const [issuing, revoking, judging] = await Promise.all([mesh.start(server.port), mesh.start(server.port), mesh.start(server.port)])
  const revoked = new Set<string>()
  for (let round = 0; round < 1_000; round++) {
    const [, was] = await Promise.all([
      issuing.ask({ ask: 'authenticate', id: `jti-${round}` }),
      revoking.ask<string | null>({ ask: 'revoke-current' }),
    ])
    if (was !== null) revoked.add(was)
    const { value, isRevoked } = await judging.ask<{ readonly value: string | null; readonly isRevoked: boolean }>({ ask: 'look' })
    assert.equal(isRevoked || (value !== null && revoked.has(value)), false)
  }
  assert.ok(revoked.size > 0)
})

/** Asks a process again and again while something happens, and says everything that it answered. */
async function meanwhile(process: MeshProcess, token: string, happening: () => Promise<void>): Promise<ReadonlySet<string>> {
  const said = new Set<string>()
  let over = false
  const asking = (async () => {
    while (!over) {
      said.add(await process.send(token))
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
  })()
  try {
    await happening()
  } finally {
    over = true
    await asking
  }
  return said
}

async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms))
}

test('a store that is flushed under load lets no revoked token in, and what was issued before is served again once it is rebuilt', async (t) => {
  const own = await startRedis()
  t.after(() => own.stop())
  const mesh = createProcessMesh(t)
  const [first, second] = await Promise.all([mesh.start(own.port), mesh.start(own.port, { kind: 'ioredis' })])
  const [good, bad] = [issue(), issue()]
  await first.ask({ ask: 'revoke', id: bad.jti })
  await eventually(
    () => second.send(bad.token),
    (said) => said === REVOKED,
  )
  const said = await meanwhile(second, bad.token, async () => {
    for (let i = 0; i < 3; i++) {
      await own.command('FLUSHALL')
      await eventually(
        () => own.command('EXISTS', 'none').then(() => first.send(good.token)),
        (answer) => answer === 'served',
      )
      await pause(300)
    }
    await eventually(
      () => first.send(good.token),
      (answer) => answer === 'served',
      20_000,
    )
  })
  assert.deepEqual([...said], [REVOKED])
  // A process that starts now knows of it from the store alone, which was given it back.
  const fresh = await mesh.start(own.port)
  assert.equal(await fresh.send(bad.token), REVOKED)
  await eventually(
    () => fresh.send(good.token),
    (answer) => answer === 'served',
    20_000,
  )
})

test('a store that is killed and comes back empty lets no revoked token in, and serves what is issued from then on', async (t) => {
  const own = await startRedis()
  t.after(() => own.stop())
  const mesh = createProcessMesh(t)
  const [first, second] = await Promise.all([mesh.start(own.port), mesh.start(own.port, { kind: 'ioredis' })])
  const bad = issue()
  await first.ask({ ask: 'revoke', id: bad.jti })
  await eventually(
    () => second.send(bad.token),
    (said) => said === REVOKED,
  )
  for (const process of [first, second]) {
    const said = await meanwhile(process, bad.token, async () => {
      await own.kill()
      await eventually(
        () => second.send(issue().token),
        (answer) => answer === UNKNOWN,
      )
      await own.start()
      for (const one of [first, second])
        await eventually(
          () => one.send(issue().token),
          (answer) => answer === 'served',
          20_000,
        )
    })
    for (const answer of said) assert.ok(answer === REVOKED || answer === UNKNOWN, answer)
    assert.equal(await process.send(bad.token), REVOKED)
  }
})

test('a store that is killed and comes back with its log goes on as if nothing had been', async (t) => {
  const own = await startRedis(['--appendonly', 'yes', '--appendfsync', 'always'])
  t.after(() => own.stop())
  const mesh = createProcessMesh(t)
  const [first, second] = await Promise.all([mesh.start(own.port), mesh.start(own.port, { kind: 'ioredis' })])
  const [good, bad] = [issue(), issue()]
  await first.ask({ ask: 'revoke', id: bad.jti })
  await own.kill()
  await pause(LEASE_MS)
  assert.equal(await first.send(good.token), UNKNOWN)
  await own.start()
  for (const process of [first, second]) {
    await eventually(
      () => process.send(good.token),
      (answer) => answer === 'served',
    )
    assert.equal(await process.send(bad.token), REVOKED)
  }
})

for (const kind of CLIENT_KINDS)
  test(`${kind}: a process that is cut off without a word answers 503 within its lease, and goes on when it is not`, async (t) => {
    const proxy = await startProxy(server.port)
    t.after(() => proxy.close())
    const mesh = createProcessMesh(t)
    const [first, cutOff] = await Promise.all([mesh.start(server.port, { kind }), mesh.start(proxy.port, { kind })])
    const [good, bad] = [issue(), issue()]
    // For less than it takes to give the connection up, and for longer.
    for (const lastsMs of [0, 5_000]) {
      assert.equal(await cutOff.send(good.token), 'served')
      proxy.silence()
      const begunMs = performance.now()
      await first.ask({ ask: 'revoke', id: bad.jti })
      await eventually(
        () => cutOff.send(good.token),
        (said) => said === UNKNOWN,
      )
      assert.ok(performance.now() - begunMs <= LEASE_MS)
      assert.notEqual(await cutOff.send(bad.token), 'served')
      await pause(lastsMs)
      assert.equal(await cutOff.send(good.token), UNKNOWN)
      proxy.speak()
      await eventually(
        () => cutOff.send(good.token),
        (said) => said === 'served',
      )
      assert.equal(await cutOff.send(bad.token), REVOKED)
    }
  })

test('every process answers 503 while the store stands still, and none has to be started again', async (t) => {
  const own = await startRedis()
  t.after(() => own.stop())
  const mesh = createProcessMesh(t)
  const processes = await Promise.all(CLIENT_KINDS.map((kind) => mesh.start(own.port, { kind })))
  const good = issue()
  own.freeze()
  await pause(LEASE_MS)
  for (const process of processes) assert.equal(await process.send(good.token), UNKNOWN)
  await assert.rejects(processes[0]?.ask({ ask: 'claim', ids: ['id'] }) ?? Promise.resolve(), /timeout|unreachable/)
  await pause(3_000)
  own.thaw()
  for (const process of processes)
    await eventually(
      () => process.send(good.token),
      (said) => said === 'served',
    )
})

test('an event of a process that is killed before it could deliver it is delivered by another', async (t) => {
  const mesh = createProcessMesh(t)
  const relaying = await mesh.start(server.port, { relays: true })
  for (const ask of ['emit-and-die', 'take-and-die'] as const) {
    const dying = await mesh.start(server.port)
    await Promise.all([dying.ask({ ask, id: `event-${ask}` }).catch(() => {}), dying.gone()])
    await eventually(
      () => relaying.delivered,
      (ids) => ids.includes(`event-${ask}`),
    )
  }
  assert.equal(new Set(relaying.delivered).size, 2)
})
