import assert from 'node:assert/strict'
import type { KeyObject } from 'node:crypto'
import { EventEmitter, once } from 'node:events'
import fs, { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { SecurityEvent, Source } from '@countersign/core'
import { createTokenVerifier } from '@countersign/token'
import { createSigner, generatePrivateKey } from './signer.js'
import { bearer, claims, createConnection, createSurroundings, optionsFor, settledStatus, statusOf, verified } from './surroundings.js'

test('reads a JWKS file again when it changes, and keeps the old keys while it is broken', async (t) => {
  const file = temporaryFile(t)
  const [old, young] = [createSigner('ES256', 'old'), createSigner('ES256', 'young')]
  const publish = (text: string): void => {
    writeFileSync(`${file}.new`, text)
    renameSync(`${file}.new`, file)
  }
  publish(JSON.stringify({ keys: [old.jwk] }))
  const recorded = new EventEmitter()
  const surroundings = createSurroundings()
  const verifier = createTokenVerifier(optionsFor([], { keys: { file } }), {
    ...surroundings,
    recorder: {
      ...surroundings.recorder,
      record: (event) => recorded.emit('event', event),
    },
  })
  t.after(() => verifier.close())
  // The watcher keeps no process alive; this one must live until it has seen something.
  const alive = setInterval(() => {}, 60_000)
  t.after(() => clearInterval(alive))
  const connection = createConnection()
  const token = old.sign(claims())
  await verified(verifier, bearer(token, connection))

  const broken = once(recorded, 'event')
  publish('{"keys":[')
  const [{ kind, facts }] = (await broken) as [SecurityEvent]
  assert.equal(kind, 'trust.reload-failed')
  assert.deepEqual([facts['reason'], facts['file']], ['the file is not a JWK Set: { "keys": [ … ] }', file])
  assert.equal(await settledStatus(verifier, bearer(token, connection)), 'ok')

  const reloaded = once(recorded, 'event')
  publish(JSON.stringify({ keys: [young.jwk] }))
  assert.equal(((await reloaded)[0] as SecurityEvent).kind, 'trust.reloaded')
  assert.equal(await settledStatus(verifier, bearer(token, connection)), 'ERR_TOKEN_KEY_UNKNOWN')
  assert.equal(await statusOf(verifier, young.sign(claims())), 'ok')

  const removed = once(recorded, 'event')
  rmSync(file)
  assert.equal(((await removed)[0] as SecurityEvent).facts['reason'], 'the file cannot be read (ENOENT)')
  assert.equal(await statusOf(verifier, young.sign(claims({ jti: '2' }))), 'ok')
})

test('reads no file for a request, neither for a new token nor for a known one', async (t) => {
  const file = temporaryFile(t)
  const signer = createSigner()
  writeFileSync(file, JSON.stringify({ keys: [signer.jwk] }))
  const verifier = createTokenVerifier(optionsFor([], { keys: { file } }), createSurroundings())
  t.after(() => verifier.close())
  const { mock } = t.mock.method(fs, 'readFileSync')
  syncBuiltinESMExports()
  t.after(syncBuiltinESMExports)
  for (let index = 0; index < 50; index++) assert.equal(await statusOf(verifier, signer.sign(claims({ jti: `j-${index % 10}` }))), 'ok')
  assert.equal(mock.callCount(), 0)
  mock.restore()
})

test('refuses at construction a JWKS file that is not there, is none, or holds no key to verify with', (t) => {
  const file = temporaryFile(t)
  const create = (): unknown => createTokenVerifier(optionsFor([], { keys: { file } }), createSurroundings())
  const refusal = { code: 'ERR_TRUST_UNREADABLE', option: 'jwt.keys.file' }
  assert.throws(create, refusal)
  assert.throws(create, (error: Error) => error.message.includes(`cannot use ${file}: the file cannot be read (ENOENT)`))
  const relative = { keys: { file: 'no-such.jwks' } }
  assert.throws(() => createTokenVerifier(optionsFor([], relative), createSurroundings()), {
    ...refusal,
    message: /cannot use no-such\.jwks: the file cannot be read \(ENOENT\) \(tried \/.*\/no-such\.jwks\)/,
  })
  for (const text of ['', '{}', '{"keys":[]}', '{"keys":[{"kty":"oct","k":"AAAA"}]}', 'x'.repeat(300_000)]) {
    writeFileSync(file, text)
    assert.throws(create, refusal, text.slice(0, 40))
  }
})

test('asks a source by kid, for every token it does not know yet, and again when its epoch changed', async () => {
  const [one, two] = [createSigner('ES256', 'one'), createSigner('RS256', 'two')]
  const keys = new Map([one, two].map((signer) => [signer.kid, signer.publicKey]))
  const source = createSource(keys)
  const verifier = createTokenVerifier(optionsFor([], { keys: source }), createSurroundings())
  await verifier.ready()
  assert.equal(source.readied, 1)
  const connection = createConnection()
  const token = one.sign(claims())
  assert.equal(await statusOf(verifier, token), 'ok')
  assert.equal(await statusOf(verifier, two.sign(claims())), 'ok')
  assert.equal(await settledStatus(verifier, bearer(one.sign(claims(), { kid: undefined }))), 'ERR_TOKEN_KEY_UNKNOWN')
  assert.equal(await settledStatus(verifier, bearer(one.sign(claims(), { kid: 'three' }))), 'ERR_TOKEN_KEY_UNKNOWN')
  assert.equal(await settledStatus(verifier, bearer(one.sign(claims(), { kid: 'two' }))), 'ERR_TOKEN_KEY_UNKNOWN')
  assert.equal(await settledStatus(verifier, bearer(token, connection)), 'ok')
  keys.delete('one')
  source.epoch++
  assert.equal(await settledStatus(verifier, bearer(token, connection)), 'ERR_TOKEN_KEY_UNKNOWN')
  await verifier.close()
  assert.equal(source.closed, 0)
})

test('lets a source load what it has not seen yet, once for all who wait, and at most once a second under a flood of kids', async () => {
  const [one, young] = [createSigner('ES256', 'one'), createSigner('ES256', 'young')]
  const keys = new Map([[one.kid, one.publicKey]])
  const elsewhere = new Map(keys)
  let loads = 0
  const source = {
    ...createSource(keys),
    async load() {
      loads++
      await new Promise((resolve) => setImmediate(resolve))
      for (const [kid, key] of elsewhere) keys.set(kid, key)
      source.epoch++
    },
  }
  const surroundings = createSurroundings()
  const verifier = createTokenVerifier(optionsFor([], { keys: source }), surroundings)
  assert.equal(await statusOf(verifier, one.sign(claims())), 'ok')
  assert.equal(loads, 0)

  elsewhere.set(young.kid, young.publicKey)
  const statuses = await Promise.all(Array.from({ length: 20 }, (_, index) => statusOf(verifier, young.sign(claims({ jti: `j${index}` })))))
  assert.deepEqual([...new Set(statuses)], ['ok'])
  assert.equal(loads, 1)

  for (let tenth = 0; tenth < 50; tenth++) {
    surroundings.advanceSeconds(0.1)
    assert.equal(await statusOf(verifier, one.sign(claims(), { kid: `random-${tenth}` })), 'ERR_TOKEN_KEY_UNKNOWN')
  }
  assert(loads <= 6, `${loads} loads in 5 s`)
  const last = createSigner('ES256', 'last')
  elsewhere.set(last.kid, last.publicKey)
  surroundings.advanceSeconds(1)
  assert.equal(await statusOf(verifier, last.sign(claims())), 'ok')
  await verifier.close()
})

test('answers unavailable, not unknown, while a source cannot load', async () => {
  const source = { ...createSource(new Map<string, KeyObject>()), load: () => Promise.reject(new Error('down')) }
  const verifier = createTokenVerifier(optionsFor([], { keys: source }), createSurroundings())
  assert.equal(await statusOf(verifier, createSigner().sign(claims())), 'ERR_KEYS_UNAVAILABLE')
  const mute = { ...createSource(new Map<string, KeyObject>()), load: () => new Promise<void>(() => {}) }
  const waiting = createTokenVerifier(optionsFor([], { keys: mute }), createSurroundings())
  const found = statusOf(waiting, createSigner().sign(claims()))
  await waiting.close()
  assert.equal(await found, 'ERR_TOKEN_KEY_UNKNOWN')
})

test('uses no private, secret, short or foreign key that a source gives', async () => {
  const keys = new Map<string, KeyObject>([
    ['private', generatePrivateKey('ES256')],
    ['other', { type: 'public' } as KeyObject],
  ])
  const verifier = createTokenVerifier(optionsFor([], { keys: createSource(keys) }), createSurroundings())
  for (const kid of keys.keys()) {
    assert.equal(await settledStatus(verifier, bearer(createSigner('ES256', kid).sign(claims()))), 'ERR_TOKEN_KEY_UNKNOWN', kid)
  }
})

function createSource(keys: Map<string, KeyObject>): Source<KeyObject> & { epoch: number; readied: number; closed: number } {
  return {
    epoch: 1,
    readied: 0,
    closed: 0,
    get: (kid) => keys.get(kid),
    async ready() {
      this.readied++
    },
    async close() {
      this.closed++
    },
  }
}

function temporaryFile(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return join(folder, 'jwks.json')
}
