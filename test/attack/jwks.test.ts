import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { isRefusal, type Surroundings, type TokenVerifier } from '@countersign/core'
import { createDevAuthority, createTokenSigner, type TokenSigner } from '@countersign/issuer'
import { createTestClock, createTestRecorder, fakeInbound, type JwksServer, startJwksServer, type TestClock } from '@countersign/testing'
import { createTokenVerifier, type JwtOptions } from '@countersign/token'

const ISSUER = 'https://issuer.prod.example'
const AUDIENCE = 'billing'
const DAY_SECONDS = 86_400
// What remote keys are documented to do.
const COOLDOWN_SECONDS = 10
const MAX_AGE_SECONDS = 600
const REFRESH_SECONDS = MAX_AGE_SECONDS / 2
const STALE_SECONDS = 3600
/** Long for a server on this machine, however busy it is. */
const TIMEOUT_MS = 1500

interface Stage {
  readonly clock: TestClock
  readonly signer: TokenSigner
  /** `ok`, or the code of the refusal. */
  status(token: string): Promise<string>
  mint(): string
  /** Under a kid that nobody has, signed by nobody. */
  stranger(): string
}

function stageOf(t: TestContext, uri: string, signer: TokenSigner, clock: TestClock, more: Partial<JwtOptions> = {}): Stage {
  const instrument = { add() {}, record() {} }
  const surroundings: Surroundings = {
    clock,
    fetch: globalThis.fetch,
    recorder: { wants: () => false, record: () => true, close: () => Promise.resolve() },
    meter: { createCounter: () => instrument, createHistogram: () => instrument, createGauge: () => instrument },
  }
  const verifier: TokenVerifier = createTokenVerifier(
    { issuer: ISSUER, audience: AUDIENCE, keys: { jwksUri: uri, timeoutMs: TIMEOUT_MS }, binding: 'if-bound', ...more },
    surroundings,
  )
  t.after(() => verifier.close())
  const impostor = createTokenSigner({ issuer: ISSUER, clock, maxExpiresInSeconds: DAY_SECONDS })
  let strangers = 0
  const claims = (): Record<string, unknown> => {
    const now = Math.floor(clock.nowMs() / 1000)
    return { iss: ISSUER, sub: 'alice', aud: AUDIENCE, iat: now, exp: now + DAY_SECONDS, jti: `j-${Math.random()}` }
  }
  return {
    clock,
    signer,
    async status(token) {
      const inbound = fakeInbound({ header: (name) => (name === 'authorization' ? `Bearer ${token}` : null) })
      const found = verifier.recall(inbound) ?? (await verifier.verify(inbound))
      return found === null ? 'none' : isRefusal(found) ? found.code : 'ok'
    },
    mint: () => signer.signExactly(claims()),
    stranger: () => impostor.signExactly(claims(), { kid: `stranger-${strangers++}` }),
  }
}

/** Why the keys of an issuer could not be fetched, as the log has it. */
async function reloadFailure(t: TestContext, uri: string): Promise<unknown> {
  const recorder = createTestRecorder()
  const instrument = { add() {}, record() {} }
  const meter = { createCounter: () => instrument, createHistogram: () => instrument, createGauge: () => instrument }
  const verifier = createTokenVerifier(
    { issuer: ISSUER, audience: AUDIENCE, keys: { jwksUri: uri, timeoutMs: TIMEOUT_MS } },
    { clock: createTestClock(), fetch: globalThis.fetch, recorder, meter },
  )
  t.after(() => verifier.close())
  await assert.rejects(verifier.ready(), { code: 'ERR_KEYS_UNAVAILABLE' })
  return recorder.of('trust.reload-failed')[0]?.facts['reason']
}

test('tells an issuer whose certificate is not trusted from one that is not there', async (t) => {
  const issued = createDevAuthority({ trustDomain: 'prod.example' }).issue({ dns: ['localhost'], ip: ['127.0.0.1'] })
  const server = createTlsServer({ cert: issued.chainPem, key: issued.keyPem }, (_, res) => res.end('{"keys":[]}')).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const uri = `https://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`
  assert.equal(await reloadFailure(t, uri), 'the issuer shows a certificate that is not trusted')
  server.close()
  await once(server, 'close')
  assert.equal(await reloadFailure(t, uri), 'the issuer cannot be reached')
})

async function open(t: TestContext, more: Partial<JwtOptions> = {}): Promise<Stage & { readonly server: JwksServer }> {
  const clock = createTestClock()
  const signer = createTokenSigner({ issuer: ISSUER, clock, maxExpiresInSeconds: DAY_SECONDS })
  const server = await startJwksServer(signer)
  t.after(() => server.close())
  return { ...stageOf(t, server.uri, signer, clock, more), server }
}

/** A server that answers as it is told. */
async function serve(
  t: TestContext,
  answer: (res: ServerResponse) => void,
): Promise<{ readonly uri: string; readonly requests: () => number }> {
  let requests = 0
  const server = createServer((req, res) => {
    requests++
    req.resume()
    answer(res)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return { uri: `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`, requests: () => requests }
}

/** Waits for what was asked in the background to be answered. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5))
}

test('twenty cold verifications at once are one request for keys', async (t) => {
  const { server, status, mint } = await open(t)
  const statuses = await Promise.all(Array.from({ length: 20 }, () => status(mint())))
  assert.deepEqual([...new Set(statuses)], ['ok'])
  assert.equal(server.requests, 1)
})

test('an outage is lived through with the keys from before, up to the ceiling, then answered as unavailable, and over at once', async (t) => {
  const { server, clock, status, mint } = await open(t)
  const token = mint()
  assert.equal(await status(token), 'ok')
  server.mode = 'unavailable'
  const end = MAX_AGE_SECONDS + STALE_SECONDS
  for (let second = 0; second < end - 1; second += 100) {
    assert.deepEqual([await status(token), await status(mint())], ['ok', 'ok'], `after ${second} s`)
    clock.advanceSeconds(100)
  }
  clock.advanceSeconds(1)
  assert.deepEqual([await status(token), await status(mint())], ['ERR_KEYS_UNAVAILABLE', 'ERR_KEYS_UNAVAILABLE'])
  // Every 30 seconds at most, however many come: 141 at most in 70 minutes.
  assert(server.requests < 150, `${server.requests} requests`)
  server.mode = 'ok'
  clock.advanceSeconds(30)
  assert.deepEqual([await status(token), await status(mint())], ['ok', 'ok'])
})

test('a flood of random kids costs one request a cooldown, keeps nobody else waiting, and never hides a key that is really new', async (t) => {
  const { server, clock, signer, status, mint, stranger } = await open(t)
  assert.equal(await status(mint()), 'ok')
  let foundAfter: number | null = null
  for (let second = 0; second < 60; second++) {
    const flood = await Promise.all(Array.from({ length: 50 }, () => status(stranger())))
    assert.deepEqual([...new Set(flood)], ['ERR_TOKEN_KEY_UNKNOWN'])
    if (second === 35) signer.rotate()
    if (second < 35 || foundAfter !== null) assert.equal(await status(mint()), 'ok')
    else if ((await status(mint())) === 'ok') foundAfter = second - 35
    clock.advanceSeconds(1)
  }
  assert(foundAfter !== null && foundAfter <= COOLDOWN_SECONDS, `found after ${foundAfter} s`)
  assert(server.requests <= 1 + 60 / COOLDOWN_SECONDS, `${server.requests} requests`)
})

test('a flood while the issuer fails locks no rotation out: it is found as soon as the issuer answers and the back-off is over', async (t) => {
  const { server, clock, signer, status, mint, stranger } = await open(t)
  assert.equal(await status(mint()), 'ok')
  const before = mint()
  server.mode = 'unavailable'
  for (let second = 0; second < 120; second++) {
    clock.advanceSeconds(1)
    const statuses = await Promise.all(Array.from({ length: 20 }, () => status(stranger())))
    // That there is no such key cannot be told while nobody answers.
    assert(statuses.every((one) => one === 'ERR_KEYS_UNAVAILABLE' || one === 'ERR_TOKEN_KEY_UNKNOWN'))
    assert.equal(await status(before), 'ok')
  }
  assert(server.requests <= 12, `${server.requests} requests in two minutes`)
  signer.rotate()
  server.mode = 'ok'
  clock.advanceSeconds(30)
  assert.equal(await status(mint()), 'ok')
})

test('a key that was removed verifies nothing after the next refresh, and what it verified before is refused too', async (t) => {
  const clock = createTestClock()
  const [kept, removed] = ['kept', 'removed'].map((keyId) =>
    createTokenSigner({ issuer: ISSUER, clock, keyId, maxExpiresInSeconds: DAY_SECONDS }),
  ) as [TokenSigner, TokenSigner]
  let keys = [...kept.jwks().keys, ...removed.jwks().keys]
  const server = await startJwksServer({ jwks: () => ({ keys }) })
  t.after(() => server.close())
  const { status, mint: mintRemoved } = stageOf(t, server.uri, removed, clock)
  const token = mintRemoved()
  assert.equal(await status(token), 'ok')
  keys = [...kept.jwks().keys]
  clock.advanceSeconds(REFRESH_SECONDS)
  await status(token)
  await until(() => server.requests === 2)
  await new Promise((resolve) => setTimeout(resolve, 50))
  assert.deepEqual([await status(token), await status(mintRemoved())], ['ERR_TOKEN_KEY_UNKNOWN', 'ERR_TOKEN_KEY_UNKNOWN'])
  // After so long that nobody came, the issuer is asked before anything is believed.
  keys = [...kept.jwks().keys, ...removed.jwks().keys]
  clock.advanceSeconds(MAX_AGE_SECONDS)
  assert.equal(await status(mintRemoved()), 'ok')
  keys = [...kept.jwks().keys]
  clock.advanceSeconds(MAX_AGE_SECONDS)
  assert.equal(await status(mintRemoved()), 'ERR_TOKEN_KEY_UNKNOWN')
})

for (const mode of ['redirect', 'oversize', 'malformed', 'no-keys', 'disconnect', 'slow'] as const) {
  test(`takes no keys from a server that answers so: ${mode}; keeps those it has, and is as good as new afterwards`, async (t) => {
    const { server, clock, signer, status, mint } = await open(t)
    const token = mint()
    assert.equal(await status(token), 'ok')
    server.mode = mode
    clock.advanceSeconds(MAX_AGE_SECONDS)
    assert.equal(await status(token), 'ok')
    signer.rotate()
    assert.notEqual(await status(mint()), 'ok')
    server.mode = 'ok'
    clock.advanceSeconds(30)
    assert.equal(await status(mint()), 'ok')
  })
}

test('a server that trickles its keys, or its header, byte by byte is cut off in time', async (t) => {
  const clock = createTestClock()
  const signer = createTokenSigner({ issuer: ISSUER, clock, maxExpiresInSeconds: DAY_SECONDS })
  const body = JSON.stringify(signer.jwks())
  for (const begin of [true, false]) {
    let closed = 0
    const server = await serve(t, (res) => {
      res.once('close', () => closed++)
      if (begin) res.writeHead(200, { 'content-type': 'application/json' })
      let at = 0
      const timer = setInterval(() => (begin ? res.write(body.charAt(at++)) : res.writeProcessing()), 50)
      res.once('close', () => clearInterval(timer))
    })
    const { status, mint } = stageOf(t, server.uri, signer, clock)
    const statuses = await Promise.all(Array.from({ length: 10 }, () => status(mint())))
    assert.deepEqual([...new Set(statuses)], ['ERR_KEYS_UNAVAILABLE'])
    assert.equal(server.requests(), 1)
    await until(() => closed === 1)
  }
})

test('keys that share a kid are told apart by what they verify, and foreign ones among them keep nobody out', async (t) => {
  const clock = createTestClock()
  const [ours, theirs] = [0, 1].map(() =>
    createTokenSigner({ issuer: ISSUER, clock, keyId: 'the-key', maxExpiresInSeconds: DAY_SECONDS }),
  ) as [TokenSigner, TokenSigner]
  const server = await startJwksServer({
    jwks: () => ({
      keys: [{ kty: 'oct', kid: 'the-key', k: 'AAAA' }, { kty: 'EC', kid: 'the-key' }, ...theirs.jwks().keys, ...ours.jwks().keys],
    }),
  })
  t.after(() => server.close())
  const { status, mint } = stageOf(t, server.uri, ours, clock)
  const forged = createTokenSigner({ issuer: ISSUER, clock, keyId: 'the-key', maxExpiresInSeconds: DAY_SECONDS })
  assert.equal(await status(mint()), 'ok')
  assert.equal(await status(stageOf(t, server.uri, forged, clock).mint()), 'ERR_TOKEN_SIGNATURE')
})
