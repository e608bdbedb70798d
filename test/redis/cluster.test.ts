import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRedisStateStore, type RedisClient } from '@countersign/redis'
import { Cluster } from 'ioredis'
import { createCluster } from 'redis'
import { contractOf } from '../state/contract.js'
import { freePort, type RedisServer, startRedis } from './redis-server.js'
import {
  because,
  CLIENT_KINDS,
  type ClientKind,
  closedAtEnd,
  closesAtEnd,
  entryOf,
  eventually,
  MINUTE_MS,
  macKey,
  newName,
  pullAll,
} from './stores.js'

const SLOTS = 16_384
const NODES = 3

/** Three primaries that share the slots. */
async function startCluster(): Promise<readonly RedisServer[]> {
  const nodes: RedisServer[] = []
  for (let i = 0; i < NODES; i++) {
    const bus = String(await freePort())
    nodes.push(await startRedis(['--cluster-enabled', 'yes', '--cluster-port', bus, '--cluster-node-timeout', '2000']))
    const [from, to] = [Math.ceil((i * SLOTS) / NODES), Math.ceil(((i + 1) * SLOTS) / NODES) - 1]
    await nodes[i]?.command('CLUSTER', 'ADDSLOTSRANGE', String(from), String(to))
    await nodes[i]?.command('CLUSTER', 'SET-CONFIG-EPOCH', String(i + 1))
    if (i > 0) await nodes[0]?.command('CLUSTER', 'MEET', '127.0.0.1', String(nodes[i]?.port), bus)
  }
  for (const node of nodes)
    await eventually(
      () => node.command('CLUSTER', 'INFO'),
      (info) => info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${NODES}`),
    )
  return nodes
}

const nodes = await startCluster()
for (const node of nodes) closesAtEnd(() => node.stop())

function clientOf(kind: ClientKind): RedisClient {
  return kind === 'ioredis'
    ? new Cluster(
        nodes.map(({ port }) => ({ host: '127.0.0.1', port })),
        { lazyConnect: true },
      )
    : createCluster({ rootNodes: nodes.map(({ url }) => ({ url })) })
}

function storeOf(kind: ClientKind, name: string, timeoutMs = 1_000) {
  return closedAtEnd(createRedisStateStore({ client: clientOf(kind), name, macKey, timeoutMs }))
}

for (const kind of CLIENT_KINDS) {
  contractOf(`on a cluster with ${kind}`, async () => {
    const name = newName()
    const store = storeOf(kind, name)
    const opened = [store]
    return {
      store,
      async another() {
        const other = storeOf(kind, name)
        opened.push(other)
        await other.ready()
        return other
      },
      nowMs: () => Date.now(),
      pass: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
      async release() {
        for (const one of opened) await one.close()
      },
    }
  })

  test(`${kind}: meshes spread over the nodes of a cluster, and each is whole on one`, async () => {
    const names = Array.from({ length: 24 }, newName)
    for (const name of names) {
      const store = storeOf(kind, name)
      await store.ready()
      await store.commit({ put: [{ key: 'k', value: 'v', untilMs: Date.now() + MINUTE_MS }], revoke: [entryOf('token')] })
      await store.claim('id', Date.now() + MINUTE_MS)
      await store.close()
    }
    const holders = await Promise.all(
      names.map(async (name) => {
        const found = await Promise.all(nodes.map((node) => node.command('KEYS', `{countersign:${name}}:*`)))
        return found.flatMap((answer, i) => (answer.startsWith('*0') ? [] : [i]))
      }),
    )
    for (const on of holders) assert.equal(on.length, 1)
    assert.equal(new Set(holders.flat()).size, NODES)
  })

  test(`${kind}: the store of a mesh goes on where its slots have moved to`, async () => {
    const name = newName()
    const store = storeOf(kind, name, 2_000)
    await store.ready()
    await store.commit({ revoke: [entryOf('token')] })
    const { last } = await pullAll(store)
    const slot = (await nodes[0]?.command('CLUSTER', 'KEYSLOT', `{countersign:${name}}:generation`))?.replace(/\D/g, '') ?? ''
    const found = await Promise.all(nodes.map((node) => node.command('EXISTS', `{countersign:${name}}:generation`).catch(() => '')))
    const from = nodes[found.indexOf(':1')]
    const to = nodes[(found.indexOf(':1') + 1) % NODES]
    assert.ok(from !== undefined && to !== undefined)
    const idOf = async (node: RedisServer): Promise<string> => (await node.command('CLUSTER', 'MYID')).split('\r\n')[1] ?? ''
    const target = await idOf(to)
    await to.command('CLUSTER', 'SETSLOT', slot, 'IMPORTING', await idOf(from))
    await from.command('CLUSTER', 'SETSLOT', slot, 'MIGRATING', target)
    const keys = (await from.command('CLUSTER', 'GETKEYSINSLOT', slot, '100')).split('\r\n').filter((line) => line.startsWith('{'))
    await from.command('MIGRATE', '127.0.0.1', String(to.port), '', '0', '5000', 'KEYS', ...keys)
    for (const node of [to, from, ...nodes]) await node.command('CLUSTER', 'SETSLOT', slot, 'NODE', target)
    const page = await eventually(
      () => store.revocations.pull(null, 10).catch(() => null),
      (one) => one !== null,
    )
    assert.equal(page?.position.generation, last.position.generation)
    assert.deepEqual((await pullAll(store)).ids, ['token'])
  })
}

test('a node of a cluster that evicts is refused, whichever it is', async () => {
  await nodes[2]?.command('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru')
  for (const kind of CLIENT_KINDS) await assert.rejects(storeOf(kind, newName()).ready(), because('unsafe'))
  await nodes[2]?.command('CONFIG', 'SET', 'maxmemory-policy', 'noeviction')
  for (const kind of CLIENT_KINDS) await storeOf(kind, newName()).ready()
})
