import assert from 'node:assert/strict'
import { test } from 'node:test'
import { reconnectDelayMs } from '../dist/driver.js'
import { driverOf } from '../dist/redis-client.js'
import { fakeCluster, fakeIoredis, fakeNodeRedis } from './fake-clients.js'

test('tells by the options of node-redis whether anybody can read along', () => {
  for (const [options, security] of [
    [{}, 'local'],
    [{ url: 'redis://localhost:6379' }, 'local'],
    [{ url: 'redis://127.0.0.1' }, 'local'],
    [{ url: 'redis://[::1]:6379' }, 'local'],
    [{ url: 'redis://localhost.evil.example' }, 'plain'],
    [{ url: 'redis://127.0.0.1.evil.example' }, 'plain'],
    [{ url: 'redis://redis.prod.example' }, 'plain'],
    [{ url: 'no URL' }, 'plain'],
    [{ url: 'rediss://redis.prod.example' }, 'tls'],
    [{ socket: { host: '10.0.0.1' } }, 'plain'],
    [{ socket: { host: '10.0.0.1', tls: false } }, 'plain'],
    [{ socket: { host: '10.0.0.1', tls: true } }, 'tls'],
    [{ socket: { path: '/run/redis.sock' } }, 'local'],
  ] as const)
    assert.equal(driverOf('client', fakeNodeRedis(options)).security, security, JSON.stringify(options))
})

test('tells by the options of ioredis whether anybody can read along', () => {
  for (const [options, security] of [
    [{ host: 'localhost' }, 'local'],
    [{ host: '::1' }, 'local'],
    [{ host: 'redis.prod.example' }, 'plain'],
    [{ host: 'redis.prod.example', tls: {} }, 'tls'],
    [{ host: 'redis.prod.example', path: '/run/redis.sock' }, 'local'],
    [{ host: 'localhost', sentinels: [{ host: 'localhost' }] }, 'plain'],
    [{ host: 'localhost', sentinels: [{ host: 'sentinel.prod.example' }], tls: {} }, 'tls'],
  ] as const)
    assert.equal(driverOf('client', fakeIoredis(options)).security, security, JSON.stringify(options))
})

test('tells of a cluster by what its nodes are connected to with', () => {
  const remote = { url: 'redis://redis.prod.example' }
  const secure = { url: 'rediss://redis.prod.example' }
  const tls = { socket: { tls: true } }
  for (const [options, security] of [
    [{ rootNodes: [{ url: 'redis://localhost' }] }, 'local'],
    [{ rootNodes: [remote] }, 'plain'],
    // The nodes that are found are not connected to as the root nodes are.
    [{ rootNodes: [secure] }, 'plain'],
    [{ rootNodes: [secure], defaults: tls }, 'tls'],
    [{ rootNodes: [{ url: 'redis://localhost' }, remote] }, 'plain'],
  ] as const)
    assert.equal(driverOf('client', fakeCluster('node-redis', options)).security, security, JSON.stringify(options))
  for (const [options, nodes, security] of [
    [{}, [{ host: 'localhost', port: 1 }], 'local'],
    [{}, ['redis://redis.prod.example:6379'], 'plain'],
    [{}, ['redis.prod.example:6379'], 'plain'],
    [{}, ['127.0.0.1:6379', 6380], 'local'],
    [{ redisOptions: { tls: {} } }, ['redis.prod.example:6379'], 'tls'],
  ] as const)
    assert.equal(driverOf('client', fakeCluster('ioredis', options, nodes)).security, security, JSON.stringify(nodes))
})

test('a client whose options cannot be seen is not known to be safe', () => {
  assert.equal(driverOf('client', fakeCluster('node-redis', {})).security, 'unknown')
})

test('connects again soon, and never seldom', () => {
  const delays = Array.from({ length: 100 }, (_, attempt) => reconnectDelayMs(attempt))
  assert.ok(Math.min(...delays) > 0)
  assert.ok(Math.max(...delays) <= 500)
})
