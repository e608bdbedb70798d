import assert from 'node:assert/strict'
import { createHmac, createPublicKey } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { isRefusal, type Surroundings, type TokenVerifier } from '@countersign/core'
import { accessTokenClaims, createKeyRing, type KeyRing } from '@countersign/issuer'
import { fakeInbound } from '@countersign/testing'
import { createTokenVerifier } from '@countersign/token'
import { createKeyDirectory } from '../dist/key-directory.js'
import { createFaultyStore, type FaultyStore } from './faulty-store.js'

const ISSUER = 'https://mesh.prod.example'
const AUDIENCE = 'spiffe://prod.example/billing'

interface Mesh {
  readonly store: FaultyStore
  readonly revoked: Set<string>
  advance(seconds: number): void
  /** A process: what it issues, and what it says of a token of any process. */
  start(): { readonly ring: KeyRing; ready(): Promise<void>; issue(): Promise<string>; judge(token: string): Promise<string> }
}

function createMesh(t: TestContext): Mesh {
  let nowMs = 1_800_000_000_000
  let count = 0
  const clock = { nowMs: () => nowMs }
  const store = createFaultyStore(clock)
  const revoked = new Set<string>()
  const revocations = { has: (kind: string, id: string) => kind === 'key' && revoked.has(id) }
  const instrument = { add() {}, record() {} }
  const surroundings: Surroundings = {
    clock,
    fetch: () => Promise.reject(new Error('no network')),
    recorder: { wants: () => false, record: () => true, close: async () => {} },
    meter: { createCounter: () => instrument, createHistogram: () => instrument, createGauge: () => instrument },
  }
  return {
    store,
    revoked,
    advance(seconds) {
      nowMs += seconds * 1000
    },
    start() {
      const ring = createKeyRing({ algorithm: 'ES256', clock, rotateEverySeconds: null })
      const options = { issuer: ISSUER, store, keys: ring, clock, recorder: surroundings.recorder, revocations, processId: `p-${++count}` }
      const directory = createKeyDirectory(options)
      const verifier = createTokenVerifier(
        { issuer: ISSUER, audience: AUDIENCE, keys: directory, binding: 'if-bound', algorithms: ['ES256'] },
        surroundings,
      )
      t.after(async () => {
        await directory.close()
        await ring.close()
      })
      return {
        ring,
        ready: () => directory.ready(),
        issue: () => ring.sign('at+jwt', claimsAt(nowMs, ++count)),
        judge: (token) => judge(verifier, token),
      }
    },
  }
}

function claimsAt(nowMs: number, seed: number): ReturnType<typeof accessTokenClaims> {
  return accessTokenClaims({
    issuer: ISSUER,
    subject: 'orders',
    audience: AUDIENCE,
    expiresInSeconds: 3600,
    maxExpiresInSeconds: 3600,
    nowMs,
    randomBytes: (size) => Buffer.alloc(size, seed),
  })
}

async function judge(verifier: TokenVerifier, token: string): Promise<string> {
  const inbound = fakeInbound({ fields: { authorization: `Bearer ${token}` } })
  const found = verifier.recall(inbound) ?? (await verifier.verify(inbound))
  return found === null ? 'none' : isRefusal(found) ? found.code : 'ok'
}

test('a token of one process is accepted by another, which asks for its key once', async (t) => {
  const { start, store, advance } = createMesh(t)
  const [a, b] = [start(), start()]
  await Promise.all([a.ready(), b.ready()])
  const c = start()
  await c.ready()
  advance(1)
  const { reads } = store.counts
  const tokens = await Promise.all(Array.from({ length: 20 }, () => c.issue()))
  assert.deepEqual(new Set(await Promise.all(tokens.map((token) => a.judge(token)))), new Set(['ok']))
  assert.equal(store.counts.reads, reads + 2, 'the list, and the key')
})

test('a token under the old key is accepted everywhere until it has expired', async (t) => {
  const { start, advance } = createMesh(t)
  const [a, b] = [start(), start()]
  await Promise.all([a.ready(), b.ready()])
  advance(1)
  const token = await a.issue()
  assert.equal(await b.judge(token), 'ok')
  await a.ring.rotate()
  advance(1)
  const [newer, fresh] = [await a.issue(), start()]
  await fresh.ready()
  for (const process of [a, b, fresh]) {
    assert.equal(await process.judge(token), 'ok')
    assert.equal(await process.judge(newer), 'ok')
  }
  advance(3629)
  assert.equal(await b.judge(await a.issue()), 'ok')
  assert.equal(await b.judge(token), 'ERR_TOKEN_EXPIRED')
})

test('a token under a key that was declared unsafe is accepted nowhere, though it was before', async (t) => {
  const { start, advance } = createMesh(t)
  const [a, b] = [start(), start()]
  await Promise.all([a.ready(), b.ready()])
  advance(1)
  const token = await a.issue()
  assert.equal(await b.judge(token), 'ok')
  await a.ring.rotate(0)
  assert.equal(await a.judge(token), 'ERR_TOKEN_KEY_UNKNOWN')
  advance(1)
  await b.judge(await a.issue())
  assert.equal(await b.judge(token), 'ERR_TOKEN_KEY_UNKNOWN')
  assert.equal(await b.judge(await a.issue()), 'ok')
})

test('a key that cannot be asked for, since the store is down, is not called unknown', async (t) => {
  const { start, store, advance } = createMesh(t)
  const [a, b] = [start(), start()]
  await Promise.all([a.ready(), b.ready()])
  const stranger = start()
  await stranger.ready()
  const token = await stranger.issue()
  advance(1)
  store.fault = new Error('down')
  assert.equal(await a.judge(token), 'ERR_KEYS_UNAVAILABLE')
  store.fault = null
  advance(1)
  assert.equal(await a.judge(token), 'ok')
})

test('a token made with HMAC is refused, whatever form of the public key is its secret', async (t) => {
  const { start } = createMesh(t)
  const process = start()
  await process.ready()
  const [jwk] = process.ring.jwks().keys
  assert.ok(jwk)
  const key = createPublicKey({ key: jwk, format: 'jwk' })
  const payload = (await process.issue()).split('.')[1] ?? ''
  const secrets = [
    key.export({ format: 'pem', type: 'spki' }),
    key.export({ format: 'der', type: 'spki' }),
    JSON.stringify(jwk),
    Buffer.alloc(0),
  ]
  for (const secret of secrets) {
    const header = Buffer.from(JSON.stringify({ alg: 'HS256', typ: 'at+jwt', kid: process.ring.kid })).toString('base64url')
    const signature = createHmac('sha256', secret).update(`${header}.${payload}`).digest('base64url')
    assert.equal(await process.judge(`${header}.${payload}.${signature}`), 'ERR_TOKEN_ALGORITHM')
  }
})
