import type { RevocationEntry } from '@countersign/core'
import type { RedisClient } from '@countersign/redis'
import { Redis } from 'ioredis'
import { createClient } from 'redis'

export type ClientKind = 'node-redis' | 'ioredis'
export const CLIENT_KINDS: readonly ClientKind[] = ['node-redis', 'ioredis']
export const MINUTE_MS = 60_000

/** A client as a user has it before it is connected. */
export function clientOf(kind: ClientKind, { port }: { readonly port: number }): RedisClient {
  return kind === 'ioredis' ? new Redis(port, '127.0.0.1', { lazyConnect: true }) : createClient({ url: `redis://127.0.0.1:${port}` })
}

export function entryOf(id: string, changes: Partial<RevocationEntry> = {}): RevocationEntry {
  return {
    kind: 'token',
    id,
    issuedBeforeMs: Number.POSITIVE_INFINITY,
    untilMs: Date.now() + 10 * MINUTE_MS,
    revokedAtMs: 1,
    reason: 'test',
    ...changes,
  }
}
