import assert from 'node:assert/strict'
import type { KeyObject } from 'node:crypto'
import { createPublicKey } from 'node:crypto'
import { test } from 'node:test'
import type { Source } from '@countersign/core'
import { createTokenVerifier } from '@countersign/token'
import { createSigner } from './signer.js'
import { claims, createSurroundings, optionsFor, statusOf } from './surroundings.js'

interface Directory {
  readonly source: Source<KeyObject>
  /** How often it was asked for more. */
  loads: number
  readonly keys: Map<string, KeyObject>
  failing: boolean
}

/** A source that finds `late` keys only when it is asked for more. */
function createDirectory(late: ReadonlyMap<string, KeyObject>): Directory {
  const directory: Directory = {
    loads: 0,
    keys: new Map(),
    failing: false,
    source: {
      epoch: 1,
      get: (kid) => directory.keys.get(kid),
      get failing() {
        return directory.failing
      },
      async load() {
        directory.loads++
        if (!directory.failing) for (const [kid, key] of late) directory.keys.set(kid, key)
      },
    },
  }
  return directory
}

const signer = createSigner()
const published = new Map([[String(signer.jwk['kid']), createPublicKey({ key: signer.jwk, format: 'jwk' })]])

test('a source is asked for a key that is not here, once for all tokens that wait for it', async () => {
  const directory = createDirectory(published)
  const verifier = createTokenVerifier(optionsFor([], { keys: directory.source }), createSurroundings())
  const tokens = Array.from({ length: 50 }, (_, index) => signer.sign(claims({ jti: String(index) })))
  const statuses = await Promise.all(tokens.map((token) => statusOf(verifier, token)))
  assert.deepEqual(new Set(statuses), new Set(['ok']))
  assert.equal(directory.loads, 1)
})

test('unknown kids cost a source one question a second, and are unknown', async () => {
  const directory = createDirectory(new Map())
  const surroundings = createSurroundings()
  const verifier = createTokenVerifier(optionsFor([], { keys: directory.source }), surroundings)
  for (let index = 0; index < 50; index++)
    assert.equal(await statusOf(verifier, signer.sign(claims({ jti: String(index) }))), 'ERR_TOKEN_KEY_UNKNOWN')
  assert.equal(directory.loads, 1)
  surroundings.advanceSeconds(1)
  await statusOf(verifier, signer.sign(claims()))
  assert.equal(directory.loads, 2)
})

test('a key that a source cannot ask for is not called unknown', async () => {
  const directory = createDirectory(published)
  directory.failing = true
  const surroundings = createSurroundings()
  const verifier = createTokenVerifier(optionsFor([], { keys: directory.source }), surroundings)
  assert.equal(await statusOf(verifier, signer.sign(claims())), 'ERR_KEYS_UNAVAILABLE')
  directory.failing = false
  surroundings.advanceSeconds(1)
  assert.equal(await statusOf(verifier, signer.sign(claims())), 'ok')
})

test('a source whose question throws cannot be asked: that is no unknown key', async () => {
  const source: Source<KeyObject> = { epoch: 1, get: () => undefined, load: () => Promise.reject(new Error('fault')) }
  const verifier = createTokenVerifier(optionsFor([], { keys: source }), createSurroundings())
  assert.equal(await statusOf(verifier, signer.sign(claims())), 'ERR_KEYS_UNAVAILABLE')
})
