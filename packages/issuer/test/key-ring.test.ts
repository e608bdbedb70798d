import assert from 'node:assert/strict'
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { chmodSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { inspect } from 'node:util'
import type { SecurityEvent } from '@countersign/core'
import { createKeyRing, type KeyRing, type PublicJwk, type Signer } from '@countersign/issuer'
import { calculateJwkThumbprint, compactVerify, createLocalJWKSet, decodeProtectedHeader } from 'jose'

const CLAIMS = { sub: 'orders', exp: 2_000_000_000 }
const TYP = 'at+jwt'

function clockAt(startMs: number): { nowMs(): number; advance(seconds: number): void } {
  let nowMs = startMs
  return {
    nowMs: () => nowMs,
    advance(seconds) {
      nowMs += seconds * 1000
    },
  }
}

function recorder(): { readonly events: SecurityEvent[]; wants(): boolean; record(event: SecurityEvent): boolean } {
  const events: SecurityEvent[] = []
  return {
    events,
    wants: () => true,
    record: (event) => events.push(event) > 0,
  }
}

/** Waits for what happens in the background, without a clock. */
async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; !condition(); turn++) {
    assert.ok(turn < 2000, 'it never happens')
    await setTimeout(10)
  }
}

async function verifies(token: string, ring: KeyRing): Promise<boolean> {
  const keys = createLocalJWKSet({ keys: [...ring.jwks().keys] })
  return compactVerify(token, keys).then(
    () => true,
    () => false,
  )
}

for (const algorithm of ['RS256', 'PS256', 'ES256', 'ES384', 'Ed25519', 'EdDSA'] as const) {
  test(`jose verifies what a ring of ${algorithm} signs in the background, under the RFC 7638 thumbprint`, async () => {
    const ring = createKeyRing({ algorithm })
    const token = await ring.sign(TYP, CLAIMS)
    const [jwk] = ring.jwks().keys
    assert.ok(jwk)
    assert.deepEqual(decodeProtectedHeader(token), { alg: algorithm, typ: TYP, kid: await calculateJwkThumbprint(jwk) })
    assert.equal(ring.kid, jwk.kid)
    const { payload } = await compactVerify(token, createLocalJWKSet({ keys: [jwk] }))
    assert.deepEqual(JSON.parse(new TextDecoder().decode(payload)), CLAIMS)
    await ring.close()
  })
}

for (const algorithm of ['ML-DSA-44', 'ML-DSA-65', 'ML-DSA-87'] as const) {
  test(`signs with ${algorithm} where the runtime has it, and says so where it has not`, async () => {
    let ring: KeyRing
    try {
      ring = createKeyRing({ algorithm })
    } catch (error) {
      assert.ok(error instanceof TypeError && 'code' in error && 'option' in error)
      assert.deepEqual([error.code, error.option], ['ERR_OPTION_INVALID', 'options.algorithm'])
      return
    }
    const [jwk] = ring.jwks().keys
    assert.deepEqual([jwk?.kty, jwk?.alg, jwk?.['priv']], ['AKP', algorithm, undefined])
    assert.equal(await verifies(await ring.sign(TYP, CLAIMS), ring), true)
  })
}

test('a token under the old key verifies until the overlap is over, and no longer', async () => {
  const clock = clockAt(1_800_000_000_000)
  const ring = createKeyRing({ algorithm: 'ES256', clock, maxTokenSeconds: 600, clockSkewSeconds: 30, marginSeconds: 10 })
  const [old, epoch] = [await ring.sign(TYP, CLAIMS), ring.epoch]
  await ring.rotate()
  assert.notEqual(decodeProtectedHeader(await ring.sign(TYP, CLAIMS)).kid, decodeProtectedHeader(old).kid)
  assert.ok(ring.epoch > epoch)
  clock.advance(639)
  assert.equal(await verifies(old, ring), true)
  clock.advance(1)
  assert.equal(await verifies(old, ring), false)
  assert.equal(ring.jwks().keys.length, 1)
})

test('publishes the next key before it signs, and rotates by itself', async () => {
  const clock = clockAt(1_800_000_000_000)
  const ring = createKeyRing({ algorithm: 'ES256', clock, rotateEverySeconds: 3600, publishAheadSeconds: 600 })
  const first = ring.kid
  clock.advance(2639)
  await ring.sign(TYP, CLAIMS)
  assert.equal(ring.versions().length, 1, 'a tenth of the interval is the most that it may come early')
  clock.advance(361)
  await ring.sign(TYP, CLAIMS)
  await until(() => ring.versions().length === 2)
  const next = ring.versions().find(({ state }) => state === 'next')?.jwk.kid
  assert.equal(ring.kid, first)
  clock.advance(599)
  await ring.sign(TYP, CLAIMS)
  assert.equal(ring.kid, first, 'the next key has not been published for long enough')
  clock.advance(1)
  await ring.sign(TYP, CLAIMS)
  await until(() => ring.kid !== first)
  assert.equal(ring.kid, next)
  await ring.close()
})

test('never signs with a key that was not published first, however late it is', async () => {
  const clock = clockAt(1_800_000_000_000)
  const ring = createKeyRing({ algorithm: 'ES256', clock, rotateEverySeconds: 3600, publishAheadSeconds: 600 })
  const first = ring.kid
  clock.advance(100_000)
  await ring.sign(TYP, CLAIMS)
  await until(() => ring.versions().length === 2)
  await ring.sign(TYP, CLAIMS)
  assert.equal(ring.kid, first)
  await ring.close()
})

test('an unsafe key signs nothing more from the moment that this is said, and is published no longer', async () => {
  const ring = createKeyRing({ algorithm: 'RS256' })
  const unsafe = await ring.sign(TYP, CLAIMS)
  const { kid } = decodeProtectedHeader(unsafe)
  const rotated = ring.rotate(0)
  assert.equal(
    ring.jwks().keys.some((jwk) => jwk.kid === kid),
    false,
  )
  const tokens = await Promise.all([ring.sign(TYP, CLAIMS), ring.sign(TYP, CLAIMS)])
  await rotated
  for (const token of tokens) assert.notEqual(decodeProtectedHeader(token).kid, kid)
  assert.equal(await verifies(unsafe, ring), false)
  assert.equal(await verifies(tokens[0] ?? '', ring), true)
})

test('two alarms about one key make one new key', async () => {
  const ring = createKeyRing({ algorithm: 'ES256' })
  const { epoch } = ring
  await Promise.all([ring.rotate(0), ring.rotate(0)])
  assert.equal(ring.epoch, epoch + 1)
})

test('an alarm that is repeated while the next key is published does not harm that one', async () => {
  const ring = createKeyRing({ algorithm: 'ES256' })
  const { epoch } = ring
  ring.onChange(() => {
    if (ring.epoch === epoch) void ring.rotate(0)
  })
  await ring.rotate(0)
  assert.equal(ring.epoch, epoch + 1)
  assert.equal(ring.withdrawn.includes(ring.kid), false)
  assert.equal(await verifies(await ring.sign(TYP, CLAIMS), ring), true)
})

test('an alarm is heeded while a listener never answers', async () => {
  const ring = createKeyRing({ algorithm: 'ES256' })
  const { kid } = ring
  ring.onChange(() => new Promise(() => {}))
  await ring.rotate(0)
  assert.notEqual(ring.kid, kid)
})

test('listeners hear of a key before it signs', async () => {
  const ring = createKeyRing({ algorithm: 'ES256' })
  const heard: string[] = []
  ring.onChange(() => {
    heard.push(
      ring
        .versions()
        .map(({ state }) => state)
        .join(),
    )
  })
  await ring.rotate()
  assert.deepEqual(heard, ['current,next', 'current,retired'])
})

test('refuses to retire more keys than verifiers read, but never an alarm', async () => {
  const ring = createKeyRing({ algorithm: 'Ed25519' })
  for (let count = 0; count < 16; count++) await ring.rotate()
  await assert.rejects(ring.rotate(), { name: 'StateError', reason: 'full' })
  await ring.rotate(0)
  assert.ok(ring.jwks().keys.length < 100)
})

test('nothing that prints or copies a ring has a private key', async () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { d = '' } = privateKey.export({ format: 'jwk' })
  const ring = createKeyRing({ algorithm: 'ES256', keys: privateKey })
  const shown = [
    inspect(ring, { depth: 20, showHidden: true }),
    JSON.stringify(ring),
    JSON.stringify(ring.jwks()),
    inspect(ring.versions()),
  ]
  for (const text of shown) assert.equal(text.includes(d), false)
  assert.equal(/PrivateKey|private/i.test(shown.join()), false)
  await ring.close()
})

test('given keys follow each other, all of them published', async () => {
  const [a, b] = [generateKeyPairSync('ed25519').privateKey, generateKeyPairSync('ed25519').privateKey]
  const ring = createKeyRing({ algorithm: 'Ed25519', keys: [a, b] })
  const x = (key: KeyObject) => createPublicKey(key).export({ format: 'jwk' }).x
  assert.deepEqual(
    ring.jwks().keys.map((jwk) => jwk.x),
    [x(a), x(b)],
  )
  await ring.rotate()
  assert.deepEqual(
    ring.versions().map(({ jwk, state }) => [jwk.x, state]),
    [
      [x(b), 'current'],
      [x(a), 'retired'],
    ],
  )
})

test('refuses keys that are not for the algorithm, too small, or public', () => {
  const options = (keys: KeyObject) => ({ algorithm: 'RS256' as const, keys })
  const wrong = { code: 'ERR_OPTION_INVALID', option: 'options.keys' }
  assert.throws(() => createKeyRing(options(generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey)), wrong)
  assert.throws(() => createKeyRing(options(generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey)), wrong)
  assert.throws(() => createKeyRing(options(generateKeyPairSync('ed25519').privateKey)), wrong)
  assert.throws(() => createKeyRing({ algorithm: 'ES384', keys: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey }), wrong)
  assert.throws(() => createKeyRing(JSON.parse('{"keys":[]}')), wrong)
  assert.throws(() => createKeyRing(JSON.parse('{"keys":"secret"}')), wrong)
  assert.throws(() => createKeyRing(JSON.parse('{"algorithm":"HS256"}')), { code: 'ERR_OPTION_INVALID', option: 'options.algorithm' })
})

test('refuses contradictions about rotation', () => {
  const keys = generateKeyPairSync('ed25519').privateKey
  const contradiction = (option: string) => ({ code: 'ERR_OPTION_CONTRADICTION', option: `options.${option}` })
  assert.throws(() => createKeyRing({ algorithm: 'Ed25519', keys, publishAheadSeconds: 60 }), contradiction('publishAheadSeconds'))
  assert.throws(() => createKeyRing({ rotateEverySeconds: 3600, publishAheadSeconds: 1801 }), { option: 'options.publishAheadSeconds' })
  assert.throws(() => createKeyRing({ rotateEverySeconds: 59 }), { option: 'options.rotateEverySeconds' })
})

test('signs no header that is not of the form of a media type', async () => {
  const ring = createKeyRing({ algorithm: 'ES256' })
  for (const typ of ['', 'application/at+jwt', 'a"b', 'a'.repeat(65), 'a b'])
    await assert.rejects(ring.sign(typ, CLAIMS), { code: 'ERR_OPTION_INVALID', option: 'typ' })
})

test('a closed ring signs nothing', async () => {
  const ring = createKeyRing({ algorithm: 'ES256' })
  await ring.close()
  await assert.rejects(ring.sign(TYP, CLAIMS), { name: 'StateError', reason: 'closed' })
})

function privateJwks(...keys: readonly KeyObject[]): string {
  return JSON.stringify({ keys: keys.map((key) => key.export({ format: 'jwk' })) })
}

function ed25519(): KeyObject {
  return generateKeyPairSync('ed25519').privateKey
}

test('a key file is refused that others may read, naming the line that mends it', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'ring-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'keys.json')
  writeFileSync(file, privateJwks(ed25519()))
  for (const mode of [0o644, 0o640, 0o604, 0o660]) {
    chmodSync(file, mode)
    assert.throws(() => createKeyRing({ algorithm: 'Ed25519', keys: { file } }), {
      code: 'ERR_CREDENTIAL_UNREADABLE',
      option: 'options.keys.file',
      message: new RegExp(`chmod 600 ${file}`),
    })
  }
  for (const mode of [0o600, 0o400]) {
    chmodSync(file, mode)
    assert.equal(createKeyRing({ algorithm: 'Ed25519', keys: { file } }).jwks().keys.length, 1)
  }
})

test('a key file that holds no private keys of the algorithm is refused, and no error tells of a key', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'ring-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'keys.json')
  const key = ed25519()
  const jwk = key.export({ format: 'jwk' })
  const wrong = [
    '',
    '{"keys":',
    '{"keys":[]}',
    JSON.stringify(jwk),
    JSON.stringify({ keys: [createPublicKey(key).export({ format: 'jwk' })] }),
    JSON.stringify({ keys: [{ ...jwk, d: 'AA' }] }),
    JSON.stringify({ keys: [{ ...jwk, alg: 'RS256' }] }),
    JSON.stringify({ keys: [{ ...jwk, use: 'enc' }] }),
    JSON.stringify({ keys: [{ ...jwk, kid: 'mine' }] }),
    JSON.stringify({ keys: [{ kty: 'oct', k: 'c2VjcmV0' }] }),
    privateJwks(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey),
  ]
  for (const text of wrong) {
    writeFileSync(file, text, { mode: 0o600 })
    assert.throws(
      () => createKeyRing({ algorithm: 'Ed25519', keys: { file } }),
      (error: unknown) =>
        error instanceof TypeError &&
        'code' in error &&
        error.code === 'ERR_CREDENTIAL_UNREADABLE' &&
        !inspect(error).includes(jwk.d ?? ''),
      text.replace(jwk.d ?? '', '…'),
    )
  }
  assert.throws(() => createKeyRing({ algorithm: 'Ed25519', keys: { file: join(folder, 'none') } }), { code: 'ERR_CREDENTIAL_UNREADABLE' })
})

test('follows its key file: a half-written one keeps the old keys and says so, a new one rotates with overlap', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'ring-'))
  const [file, said] = [join(folder, 'keys.json'), recorder()]
  const [a, b] = [ed25519(), ed25519()]
  writeFileSync(file, privateJwks(a), { mode: 0o600 })
  const ring = createKeyRing({ algorithm: 'Ed25519', keys: { file }, recorder: said })
  t.after(async () => {
    await ring.close()
    rmSync(folder, { recursive: true })
  })
  const before = ring.kid
  writeFileSync(file, privateJwks(b, a).slice(0, 100))
  await until(() => said.events.length === 1)
  assert.deepEqual([said.events[0]?.kind, said.events[0]?.severity], ['credential.reload-failed', 'error'])
  assert.equal(ring.kid, before)

  writeFileSync(`${file}.new`, privateJwks(b, a), { mode: 0o600 })
  renameSync(`${file}.new`, file)
  await until(() => ring.kid !== before)
  assert.deepEqual(
    ring.versions().map(({ state }) => state),
    ['current', 'retired'],
  )
  assert.equal(JSON.stringify(said.events).includes(b.export({ format: 'jwk' }).d ?? ''), false)
})

test('a key that was declared unsafe does not come back with its file', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'ring-'))
  const [file, said] = [join(folder, 'keys.json'), recorder()]
  const key = ed25519()
  writeFileSync(file, privateJwks(key), { mode: 0o600 })
  const ring = createKeyRing({ algorithm: 'Ed25519', keys: { file }, recorder: said })
  t.after(async () => {
    await ring.close()
    rmSync(folder, { recursive: true })
  })
  const unsafe = ring.kid
  await assert.rejects(ring.rotate(), { code: 'ERR_OPTION_CONTRADICTION', option: 'overlapSeconds' })
  await ring.rotate(0)
  writeFileSync(file, `${privateJwks(key)}\n`, { mode: 0o600 })
  await until(() => said.events.some(({ kind }) => kind === 'credential.reload-failed'))
  assert.equal(
    ring.versions().some(({ jwk }) => jwk.kid === unsafe),
    false,
  )
})

function remoteSigner(answer: (bytes: Uint8Array, key: KeyObject) => Promise<Uint8Array>): Signer {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const { kty = '', n = '', e = '' } = publicKey.export({ format: 'jwk' })
  return { algorithm: 'RS256', publicJwk: { kty, n, e }, sign: (bytes) => answer(bytes, privateKey) }
}

test('a remote signer signs, and the ring verifies what it made', async () => {
  const honest = createKeyRing({ keys: remoteSigner(async (bytes, key) => sign('sha256', bytes, key)) })
  assert.equal(await verifies(await honest.sign(TYP, CLAIMS), honest), true)
  const faulty = createKeyRing({ keys: remoteSigner(async (bytes, key) => sign('sha256', Buffer.concat([bytes, bytes]), key)) })
  await assert.rejects(faulty.sign(TYP, CLAIMS), { code: 'ERR_KEYS_UNAVAILABLE' })
})

test('a remote signer that does not answer in time fails the token, and does not hold it up', async () => {
  const ring = createKeyRing({ keys: remoteSigner(() => new Promise(() => {})), signTimeoutMs: 50 })
  await assert.rejects(ring.sign(TYP, CLAIMS), { code: 'ERR_KEYS_UNAVAILABLE' })
})

test('a remote key that is not safe any more, with none to follow, leaves the ring signing nothing', async () => {
  const ring = createKeyRing({ keys: remoteSigner(async (bytes, key) => sign('sha256', bytes, key)) })
  await assert.rejects(ring.rotate(0), { code: 'ERR_OPTION_MISSING', option: 'options.keys' })
  await assert.rejects(ring.sign(TYP, CLAIMS), { code: 'ERR_KEYS_UNAVAILABLE' })
  assert.deepEqual(ring.jwks(), { keys: [] })
})

test('a remote signer must show a public key, of its algorithm, and nothing private', () => {
  const jwk: Partial<PublicJwk> = createPrivateKey(
    generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' }),
  ).export({ format: 'jwk' })
  const signer = (publicJwk: object) => ({ keys: JSON.parse(JSON.stringify({ algorithm: 'RS256', publicJwk })) })
  const withSign = ({ keys }: { keys: object }) =>
    createKeyRing(Object.assign(Object.create(null), { keys: { ...keys, sign: async () => new Uint8Array(0) } }))
  assert.throws(() => withSign(signer(jwk)), { code: 'ERR_OPTION_INVALID', option: 'options.keys.publicJwk' })
  assert.throws(() => withSign(signer({ kty: 'OKP' })), { code: 'ERR_OPTION_INVALID', option: 'options.keys.publicJwk' })
})
