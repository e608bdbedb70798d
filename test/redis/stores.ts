import { randomBytes } from 'node:crypto'
import { after } from 'node:test'
import type { RevocationPage, StateError, StateStore } from '@countersign/core'
import { createRedisStateStore, type RedisStateStoreOptions } from '@countersign/redis'
import { createClient } from 'redis'
import { type ClientKind, clientOf } from './clients.js'
import { type RedisServer, startRedis } from './redis-server.js'

export { CLIENT_KINDS, type ClientKind, clientOf, entryOf, MINUTE_MS } from './clients.js'

/** A connection of the test itself, for what happens to the server behind the back of the store. */
export async function adminOf(server: Pick<RedisServer, 'url'>) {
  const admin = createClient({ url: server.url, commandOptions: { typeMapping: {} } })
  admin.on('error', () => {})
  await admin.connect()
  closing.push(async () => admin.destroy())
  return admin
}

/** A server for the tests of one file. */
export async function serverForFile(args: readonly string[] = []): Promise<RedisServer> {
  const server = await startRedis(args)
  closing.push(() => server.stop())
  return server
}

export const macKey = randomBytes(32)
let meshes = 0

/** The name of a mesh that no other test has. */
export function newName(): string {
  meshes++
  return `mesh-${meshes}`
}

/** A store that ends with the tests of the file. */
export function storeOn(
  server: Pick<RedisServer, 'port' | 'url'>,
  options: Partial<RedisStateStoreOptions> & { kind?: ClientKind } = {},
): StateStore {
  const { kind = 'node-redis', ...rest } = options
  return closedAtEnd(createRedisStateStore({ client: clientOf(kind, server), name: newName(), macKey, timeoutMs: 1_000, ...rest }))
}

/** A store that is left open looks for its server for ever. */
export function closedAtEnd(store: StateStore): StateStore {
  closing.unshift(() => store.close())
  return store
}

export function closesAtEnd(close: () => Promise<void>): void {
  closing.push(close)
}

const closing: (() => Promise<void>)[] = []
after(async () => {
  for (const close of closing) await close()
})

/** That a promise rejects with a {@link StateError} of a reason. */
export function because(reason: StateError['reason']): (error: unknown) => boolean {
  return (error) => error instanceof Error && error.name === 'StateError' && 'reason' in error && error.reason === reason
}

/** Everything that is revoked, and the page that said it last. */
export async function pullAll(
  store: StateStore,
  limit = 1_000,
): Promise<{ readonly ids: readonly string[]; readonly last: RevocationPage }> {
  const ids = new Set<string>()
  let page = await store.revocations.pull(null, limit)
  for (;;) {
    for (const { id } of page.entries) ids.add(id)
    if (!page.more) return { ids: [...ids].sort(), last: page }
    page = await store.revocations.pull(page.position, limit)
  }
}

/** Looks until it is so, and gives up after a bound: what is waited for is real, and no clock can be set. */
export async function eventually<T>(look: () => Promise<T> | T, isSo: (value: T) => boolean, withinMs = 10_000): Promise<T> {
  const until = performance.now() + withinMs
  for (;;) {
    const value = await look()
    if (isSo(value)) return value
    if (performance.now() > until) throw new Error(`it never came to be, last: ${JSON.stringify(value)}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
