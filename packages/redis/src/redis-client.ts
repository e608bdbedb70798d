import { MisuseError } from '@countersign/core'
import type { Driver } from './driver.js'
import { driverOfIoredis, type Ioredis } from './ioredis-driver.js'
import { driverOfNodeRedis, type NodeRedis } from './node-redis-driver.js'

/**
 * Your client: of `redis` (node-redis 5 or 6) or `ioredis` (5 or 6), for one server, for a cluster, or, with ioredis, for sentinels. It need not
 * be connected: connections of our own are made like it, with `duplicate()`, so that no queue of yours makes us wait and a connection that
 * hangs can be given up. Close yours when you like.
 */
export interface RedisClient {
  duplicate(...overrides: never[]): unknown
  on(event: never, listener: never): unknown
}

/** @throws {MisuseError} `ERR_OPTION_INVALID` for anything but a client of the two packages. */
export function driverOf(option: string, client: unknown): Driver {
  if (isIoredis(client)) return driverOfIoredis(client)
  if (isNodeRedis(client)) return driverOfNodeRedis(client)
  throw new MisuseError(
    'ERR_OPTION_INVALID',
    option,
    'takes a client of redis (createClient, createCluster) or of ioredis (Redis, Cluster), not a pool, a sentinel of node-redis or something of your own',
  )
}

function isIoredis(client: unknown): client is Ioredis {
  return hasMethods(client, 'call', 'duplicate', 'on', 'disconnect')
}

function isNodeRedis(client: unknown): client is NodeRedis {
  // A sentinel and a pool of node-redis send commands otherwise.
  return hasMethods(client, 'sendCommand', 'duplicate', 'on', 'connect', 'subscribe') && !hasMethods(client, 'getMasterNode')
}

function hasMethods(client: unknown, ...names: readonly string[]): boolean {
  return typeof client === 'object' && client !== null && names.every((name) => typeof Reflect.get(client, name) === 'function')
}
