import type { RedisClient } from '@countersign/redis'

/** A client that is asked for nothing but its options. */
export interface FakeClient extends RedisClient {
  duplicates: number
}

export function fakeNodeRedis(options: object = {}): FakeClient {
  const methods = { on() {}, connect() {}, sendCommand() {}, subscribe() {}, options, isOpen: false }
  return counting(methods)
}

export function fakeIoredis(options: object = {}): FakeClient {
  return counting({ on() {}, connect() {}, call() {}, subscribe() {}, disconnect() {}, options, status: 'wait' })
}

export function fakeCluster(kind: 'node-redis' | 'ioredis', options: object, startupNodes: readonly unknown[] = []): FakeClient {
  return kind === 'ioredis'
    ? Object.assign(fakeIoredis(options), { isCluster: true, startupNodes })
    : Object.assign(fakeNodeRedis(), { nodeClient() {}, _options: options })
}

function counting<Methods extends { on(): void }>(methods: Methods): FakeClient {
  const client = {
    ...methods,
    duplicates: 0,
    duplicate() {
      client.duplicates++
    },
  }
  return client
}
