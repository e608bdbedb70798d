import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { MisuseError, type StateStore } from '@countersign/core'
import { createDevAuthority } from '@countersign/issuer'
import { createRedisStateStore, type RedisClient } from '@countersign/redis'
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { ROOT } from '../house/root.js'
import { freePort, type RedisServer, startRedis } from './redis-server.js'
import {
  because,
  CLIENT_KINDS,
  type ClientKind,
  closedAtEnd,
  entryOf,
  eventually,
  MINUTE_MS,
  macKey,
  newName,
  pullAll,
  storeOn,
} from './stores.js'

const untilMs = Date.now() + 10 * MINUTE_MS

async function withServer(args: readonly string[], use: (server: RedisServer) => Promise<void>): Promise<void> {
  const server = await startRedis(args)
  try {
    await use(server)
  } finally {
    await server.stop()
  }
}

/** Every way in which a store uses its server. */
async function useAll(store: StateStore, other: StateStore): Promise<void> {
  await store.ready()
  let heard = 0
  other.revocations.onAppend(() => heard++)
  await other.ready()
  const { last } = await pullAll(other)
  await store.commit({ put: [{ key: 'k', value: 'v', untilMs }], emit: [{ id: 'e', topic: 't', payload: '{}', atMs: 1 }] })
  await store.commit({ revoke: [entryOf('token'), entryOf('short', { untilMs: Date.now() + 50 })], remove: ['k'] })
  assert.equal((await other.revocations.pull(last.position, 10)).entries.length, 2)
  await eventually(
    () => heard,
    (count) => count > 0,
  )
  assert.equal(await store.claim('id', untilMs), 'first')
  assert.equal((await other.outbox.take(10, 1)).length, 1)
  await eventually(
    () => other.outbox.take(10, 1_000),
    (events) => events.length === 1,
  )
  await other.outbox.acknowledge(['e'])
  await eventually(
    async () => (await pullAll(other)).ids.length,
    (count) => count === 1,
  )
  await store.revocations.restore([entryOf('given-back')], true)
}

test('a server that evicts what is alive is refused, unless that is said to be wanted', async () => {
  for (const policy of ['allkeys-lru', 'volatile-ttl', 'volatile-lru'])
    await withServer(['--maxmemory-policy', policy], async (server) => {
      await assert.rejects(storeOn(server).ready(), because('unsafe'))
      await storeOn(server, { dangerouslyAllowEviction: true }).ready()
    })
})

test('a replica is refused', async () => {
  await withServer([], async (primary) => {
    await withServer(['--replicaof', '127.0.0.1', String(primary.port)], async (replica) => {
      await assert.rejects(storeOn(replica).ready(), because('unsafe'))
    })
  })
})

test('a primary that becomes a replica is not used, and is used again when it is one again', async () => {
  await withServer([], async (primary) => {
    await withServer([], async (server) => {
      const store = storeOn(server)
      await store.ready()
      await server.command('REPLICAOF', '127.0.0.1', String(primary.port))
      await assert.rejects(store.claim('id', untilMs))
      await server.command('REPLICAOF', 'NO', 'ONE')
      await pullAll(store)
      assert.equal(await store.claim('id', untilMs), 'first')
      await store.close()
    })
  })
})

/** The line of the README that says what a user may do, for a mesh of this name. */
function ruleOfReadme(name: string): readonly string[] {
  const readme = readFileSync(join(ROOT, 'packages/redis/README.md'), 'utf8')
  const rule = /^user mesh on (?:.|\n)*?(?=\n```)/m.exec(readme)?.[0] ?? ''
  return rule
    .replaceAll('\\\n', ' ')
    .replaceAll('prod', name)
    .split(/\s+/)
    .slice(2)
    .filter((word) => !word.startsWith('#') && !word.startsWith('>'))
}

function clientAs(kind: ClientKind, server: RedisServer, username: string, password: string): RedisClient {
  return kind === 'ioredis'
    ? new Redis(server.port, '127.0.0.1', { username, password, lazyConnect: true })
    : createClient({ url: server.url, username, password })
}

for (const kind of CLIENT_KINDS) {
  test(`${kind}: a user with the rule of the README, and nothing else, can do all that a store does`, async () => {
    await withServer([], async (server) => {
      const name = newName()
      await server.command('ACL', 'SETUSER', 'mesh', 'reset', 'on', '>pass', ...ruleOfReadme(name).filter((word) => word !== 'on'))
      const open = (): StateStore =>
        closedAtEnd(createRedisStateStore({ client: clientAs(kind, server, 'mesh', 'pass'), name, macKey, timeoutMs: 1_000 }))
      const [store, other] = [open(), open()]
      await useAll(store, other)
      const stranger = closedAtEnd(createRedisStateStore({ client: clientAs(kind, server, 'mesh', 'pass'), name: 'another', macKey }))
      await assert.rejects(stranger.ready(), because('unsafe'), 'not the keys of another mesh')
    })
  })

  test(`${kind}: a wrong password and a user who may not are told of as unsafe`, async () => {
    await withServer([], async (server) => {
      await server.command('ACL', 'SETUSER', 'mesh', 'reset', 'on', '>pass', '~*', '&*', '+@all', '-evalsha', '-eval')
      const open = (password: string): StateStore =>
        closedAtEnd(
          createRedisStateStore({ client: clientAs(kind, server, 'mesh', password), name: newName(), macKey, connectTimeoutMs: 500 }),
        )
      for (const password of ['wrong', 'pass']) await assert.rejects(open(password).ready(), because('unsafe'))
    })
  })

  test(`${kind}: a server that does not say whether it evicts is refused, unless that is said to be wanted`, async () => {
    await withServer([], async (server) => {
      await server.command('ACL', 'SETUSER', 'mesh', 'reset', 'on', '>pass', '~*', '&*', '+@all', '-info')
      const open = (dangerouslyAllowEviction: boolean): StateStore =>
        closedAtEnd(
          createRedisStateStore({ client: clientAs(kind, server, 'mesh', 'pass'), name: newName(), macKey, dangerouslyAllowEviction }),
        )
      await assert.rejects(open(false).ready(), because('unsafe'))
      await open(true).ready()
    })
  })

  test(`${kind}: speaks TLS to a server that wants certificates of both sides`, async (t) => {
    const authority = createDevAuthority()
    const issued = authority.issue({ dns: ['localhost'] })
    const port = await freePort()
    const folder = mkdtempSync(join(tmpdir(), 'countersign-redis-tls-'))
    t.after(() => rmSync(folder, { recursive: true }))
    const files = { ca: authority.certificatePem, cert: issued.certificatePem, key: issued.keyPem }
    for (const [name, pem] of Object.entries(files)) writeFileSync(join(folder, name), pem)
    const tls = ['--tls-port', String(port), '--tls-ca-cert-file', join(folder, 'ca'), '--tls-cert-file', join(folder, 'cert')]
    await withServer([...tls, '--tls-key-file', join(folder, 'key'), '--tls-auth-clients', 'yes'], async () => {
      const name = newName()
      const client = (): RedisClient =>
        kind === 'ioredis'
          ? new Redis(port, 'localhost', { lazyConnect: true, tls: { ...files } })
          : createClient({ url: `rediss://localhost:${port}`, socket: { tls: true, ...files } })
      const open = (): StateStore => closedAtEnd(createRedisStateStore({ client: client(), name, macKey, timeoutMs: 1_000 }))
      const [store, other] = [open(), open()]
      await useAll(store, other)
    })
  })
}

test('a client that speaks to another machine without TLS is refused, unless that is said to be wanted', () => {
  const plain: readonly (readonly [string, RedisClient])[] = [
    ['node-redis by URL', createClient({ url: 'redis://redis.prod.example:6379' })],
    ['node-redis by host', createClient({ socket: { host: '10.0.0.1', port: 6379 } })],
    ['ioredis', new Redis(6379, 'redis.prod.example', { lazyConnect: true })],
    ['ioredis by sentinels', new Redis({ sentinels: [{ host: '127.0.0.1', port: 26379 }], name: 'mesh', lazyConnect: true })],
  ]
  for (const [what, client] of plain) {
    const options = { client, name: 'prod', macKey }
    assert.throws(
      () => createRedisStateStore(options),
      (error) => error instanceof MisuseError && error.code === 'ERR_OPTION_INVALID' && error.option === 'client',
      what,
    )
    void createRedisStateStore({ ...options, dangerouslyPlaintext: true }).close()
  }
})

test('a client that speaks TLS, or to this machine, is taken', () => {
  const safe: readonly RedisClient[] = [
    createClient({ url: 'rediss://redis.prod.example:6380' }),
    createClient({ socket: { host: 'redis.prod.example', port: 6380, tls: true } }),
    createClient({ socket: { path: '/run/redis.sock', tls: false } }),
    createClient(),
    new Redis('rediss://redis.prod.example:6380', { lazyConnect: true }),
    new Redis(6380, 'redis.prod.example', { tls: {}, lazyConnect: true }),
    new Redis('/run/redis.sock', { lazyConnect: true }),
    new Redis({ lazyConnect: true }),
  ]
  for (const client of safe) assert.doesNotThrow(() => createRedisStateStore({ client, name: 'prod', macKey }))
})
