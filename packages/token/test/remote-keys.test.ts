import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { isRefusal, type TokenVerifier } from '@countersign/core'
import { createTokenVerifier, type JwtOptions } from '@countersign/token'
import { countVerifications, holdVerifications } from './count-verifications.js'
import { createSigner, type Signer } from './signer.js'
import {
  bearer,
  claims,
  createConnection,
  createSurroundings,
  judge,
  NOW,
  optionsFor,
  recalledStatus,
  settledStatus,
  statusOf,
  type TestSurroundings,
  verified,
} from './surroundings.js'

const URI = 'https://issuer.example/jwks'

interface Endpoint {
  readonly surroundings: TestSurroundings
  readonly verifier: TokenVerifier
  /** Requests that were made. */
  readonly requests: { readonly uri: string; readonly init: RequestInit }[]
  /** What is answered from now on. */
  answer(next: () => Response | Promise<Response>): void
  publish(...signers: readonly Signer[]): void
  fail(): void
}

function createEndpoint(more: Partial<JwtOptions> = {}): Endpoint {
  const requests: Endpoint['requests'][number][] = []
  let answer: () => Response | Promise<Response> = () => jwks([])
  const surroundings = createSurroundings(async (input, init = {}) => {
    requests.push({ uri: String(input), init })
    return answer()
  })
  return {
    surroundings,
    requests,
    verifier: createTokenVerifier(optionsFor([], { keys: { jwksUri: URI }, ...more }), surroundings),
    answer(next) {
      answer = next
    },
    publish(...signers) {
      answer = () => jwks(signers.map(({ jwk }) => jwk))
    },
    fail() {
      answer = () => Promise.reject(new TypeError('fetch failed'))
    },
  }
}

function jwks(keys: unknown): Response {
  return Response.json({ keys })
}

/** Lets what runs in the background come to its end: every answer here is there at once. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
}

test('fetches the keys once, for the first tokens together, and verifies nothing before', async () => {
  const endpoint = createEndpoint()
  const signer = createSigner()
  endpoint.publish(signer)
  const tokens = Array.from({ length: 20 }, (_, index) => signer.sign(claims({ jti: String(index) })))
  const statuses = await Promise.all(tokens.map((token) => statusOf(endpoint.verifier, token)))
  assert(statuses.every((status) => status === 'ok'))
  assert.equal(endpoint.requests.length, 1)
  assert.equal(endpoint.requests[0]?.uri, URI)
  assert.equal(endpoint.requests[0]?.init.redirect, 'manual')
})

test('loads the keys in ready, and rejects there while they cannot be had', async () => {
  const endpoint = createEndpoint()
  endpoint.fail()
  await assert.rejects(endpoint.verifier.ready(), { code: 'ERR_KEYS_UNAVAILABLE' })
  const signer = createSigner()
  endpoint.publish(signer)
  await endpoint.verifier.ready()
  assert.equal(endpoint.requests.length, 2)
  assert.equal(await statusOf(endpoint.verifier, signer.sign(claims())), 'ok')
  assert.equal(endpoint.requests.length, 2)
})

test('finds a rotated key at its first token', async () => {
  const endpoint = createEndpoint()
  const [old, young] = [createSigner('ES256', 'old'), createSigner('ES256', 'young')]
  endpoint.publish(old)
  assert.equal(await statusOf(endpoint.verifier, old.sign(claims())), 'ok')
  endpoint.publish(old, young)
  endpoint.surroundings.advanceSeconds(10)
  assert.equal(await statusOf(endpoint.verifier, young.sign(claims())), 'ok')
  assert.equal(endpoint.requests.length, 2)
})

test('asks once a cooldown under a flood of random kids, and still finds a new key within it', async () => {
  const endpoint = createEndpoint()
  const [old, young] = [createSigner('ES256', 'old'), createSigner('ES256', 'young')]
  endpoint.publish(old)
  const started = createSigner('ES256', 'x').sign(claims())
  assert.equal(await statusOf(endpoint.verifier, started), 'ERR_TOKEN_KEY_UNKNOWN')
  assert.equal(endpoint.requests.length, 1)

  let foundAfter: number | null = null
  for (let second = 1; second <= 60; second++) {
    endpoint.surroundings.advanceSeconds(1)
    for (let index = 0; index < 20; index++) {
      const random = old.sign(claims(), { kid: `random-${second}-${index}` })
      assert.equal(await statusOf(endpoint.verifier, random), 'ERR_TOKEN_KEY_UNKNOWN')
    }
    if (second === 31) endpoint.publish(old, young)
    if (second >= 31 && foundAfter === null && (await statusOf(endpoint.verifier, young.sign(claims()))) === 'ok') foundAfter = second - 31
    assert.equal(await statusOf(endpoint.verifier, old.sign(claims())), 'ok')
  }
  assert(foundAfter !== null && foundAfter <= 10, `found after ${foundAfter} s`)
  assert(endpoint.requests.length <= 8, `${endpoint.requests.length} requests`)
})

test('refuses a removed key after the next refresh, also for a token it recalls on an open connection', async () => {
  const endpoint = createEndpoint()
  const [kept, removed] = [createSigner('ES256', 'kept'), createSigner('ES256', 'removed')]
  endpoint.publish(kept, removed)
  const connections = [createConnection(), createConnection()] as const
  const tokens = [kept.sign(claims({ exp: NOW + 86_400 })), removed.sign(claims({ exp: NOW + 86_400 }))] as const
  await verified(endpoint.verifier, bearer(tokens[0], connections[0]))
  const stream = await verified(endpoint.verifier, bearer(tokens[1], connections[1]))
  endpoint.publish(kept)

  endpoint.surroundings.advanceSeconds(299)
  assert.equal(await settledStatus(endpoint.verifier, bearer(tokens[1], connections[1])), 'ok')
  assert.equal(endpoint.requests.length, 1)
  endpoint.surroundings.advanceSeconds(1)
  assert.equal(await settledStatus(endpoint.verifier, bearer(tokens[0], connections[0])), 'ok')
  await settle()
  assert.equal(endpoint.requests.length, 2)
  assert.equal(await settledStatus(endpoint.verifier, bearer(tokens[1], connections[1])), 'ERR_TOKEN_KEY_UNKNOWN')
  assert.equal(await settledStatus(endpoint.verifier, bearer(tokens[1])), 'ERR_TOKEN_KEY_UNKNOWN')
  assert.equal(endpoint.verifier.judge(stream)?.code, 'ERR_TOKEN_KEY_UNKNOWN')
  assert.equal(await settledStatus(endpoint.verifier, bearer(tokens[0], connections[0])), 'ok')
})

test('believes no key longer than its age without asking, however long nobody came', async () => {
  const endpoint = createEndpoint()
  const removed = createSigner('ES256', 'removed')
  endpoint.publish(removed)
  const token = removed.sign(claims({ exp: NOW + 86_400 }))
  await verified(endpoint.verifier, bearer(token))
  endpoint.publish(createSigner('ES256', 'other'))
  endpoint.surroundings.advanceSeconds(601)
  assert.equal(recalledStatus(endpoint.verifier, bearer(token)), 'open')
  assert.equal(await statusOf(endpoint.verifier, token), 'ERR_TOKEN_KEY_UNKNOWN')
})

test('refuses a token when its kid now names another key', async () => {
  const endpoint = createEndpoint()
  const [first, second] = [createSigner('ES256', 'k'), createSigner('ES256', 'k')]
  endpoint.publish(first)
  const token = first.sign(claims({ exp: NOW + 3600 }))
  await verified(endpoint.verifier, bearer(token))
  endpoint.publish(second)
  endpoint.surroundings.advanceSeconds(601)
  assert.equal(await statusOf(endpoint.verifier, token), 'ERR_TOKEN_SIGNATURE')
  assert.equal(await statusOf(endpoint.verifier, second.sign(claims({ exp: NOW + 3600 }))), 'ok')
})

test('accepts nothing under a key that was replaced while its signature was being verified', async (t) => {
  // Verified in the background, unlike shorter ones.
  const endpoint = createEndpoint({ algorithms: ['ES384'] })
  const [first, second] = [createSigner('ES384', 'k'), createSigner('ES384', 'k')]
  endpoint.publish(first)
  await endpoint.verifier.ready()
  const gate = deferred<void>()
  holdVerifications(t, gate.promise)
  const token = first.sign(claims({ exp: NOW + 3600 }))
  const before = statusOf(endpoint.verifier, token)
  endpoint.publish(second)
  endpoint.surroundings.advanceSeconds(600)
  const after = statusOf(endpoint.verifier, token)
  await settle()
  assert.equal(endpoint.requests.length, 2)
  gate.resolve()
  assert.deepEqual(await Promise.all([before, after]), ['ERR_TOKEN_SIGNATURE', 'ERR_TOKEN_SIGNATURE'])
})

test('asks again when the clock was set back, instead of believing its keys until the clock is there again', async () => {
  const endpoint = createEndpoint()
  const removed = createSigner('ES256', 'removed')
  endpoint.publish(removed)
  const token = removed.sign(claims({ iat: undefined, exp: NOW + 3600 }))
  await verified(endpoint.verifier, bearer(token))
  endpoint.publish(createSigner('ES256', 'other'))
  endpoint.surroundings.setSeconds(NOW - 86_400)
  assert.equal(await statusOf(endpoint.verifier, token), 'ERR_TOKEN_KEY_UNKNOWN')
})

test('verifies no signature again where a refresh brings the same key', async (t) => {
  const endpoint = createEndpoint()
  const [one, two] = [createSigner('ES256', 'one'), createSigner('ES256', 'two')]
  endpoint.publish(one)
  const token = one.sign(claims({ exp: NOW + 3600 }))
  await verified(endpoint.verifier, bearer(token))
  const verify = countVerifications(t)
  endpoint.publish(two, one)
  endpoint.surroundings.advanceSeconds(601)
  assert.equal(await statusOf(endpoint.verifier, token), 'ok')
  assert.equal(endpoint.requests.length, 2)
  assert.equal(verify.callCount(), 0)
})

test('goes on with stale keys while the issuer is down, up to the ceiling, then answers unavailable and never invalid', async () => {
  const endpoint = createEndpoint({ whenKeysUnavailable: { staleSeconds: 3600 } })
  const signer = createSigner()
  endpoint.publish(signer)
  const connection = createConnection()
  const token = signer.sign(claims({ exp: NOW + 86_400 }))
  const stream = await verified(endpoint.verifier, bearer(token, connection))
  endpoint.fail()

  for (let seconds = 300; seconds < 4200; seconds += 100) {
    endpoint.surroundings.setSeconds(NOW + seconds)
    assert.equal(await statusOf(endpoint.verifier, token), 'ok', `after ${seconds} s`)
    assert.equal(await statusOf(endpoint.verifier, signer.sign(claims({ exp: NOW + 86_400, jti: String(seconds) }))), 'ok')
    const unknown = await statusOf(endpoint.verifier, createSigner('ES256', 'new').sign(claims({ exp: NOW + 86_400 })))
    assert.equal(unknown, 'ERR_KEYS_UNAVAILABLE')
  }
  endpoint.surroundings.setSeconds(NOW + 4200)
  assert.equal(await statusOf(endpoint.verifier, token), 'ERR_KEYS_UNAVAILABLE')
  assert.equal(recalledStatus(endpoint.verifier, bearer(token, connection)), 'ERR_KEYS_UNAVAILABLE')
  assert.equal(await statusOf(endpoint.verifier, signer.sign(claims({ exp: NOW + 86_400, jti: 'n' }))), 'ERR_KEYS_UNAVAILABLE')
  assert.equal(endpoint.verifier.judge(stream)?.code, 'ERR_KEYS_UNAVAILABLE')

  endpoint.publish(signer)
  endpoint.surroundings.advanceSeconds(30)
  assert.equal(await statusOf(endpoint.verifier, token), 'ok')
  assert.equal(endpoint.verifier.judge(stream), null)
})

test('goes on with nothing stale where the options say refuse', async () => {
  const endpoint = createEndpoint({ whenKeysUnavailable: 'refuse' })
  const signer = createSigner()
  endpoint.publish(signer)
  const token = signer.sign(claims({ exp: NOW + 86_400 }))
  await verified(endpoint.verifier, bearer(token))
  endpoint.fail()
  endpoint.surroundings.advanceSeconds(599)
  assert.equal(await statusOf(endpoint.verifier, token), 'ok')
  endpoint.surroundings.advanceSeconds(1)
  assert.equal(await statusOf(endpoint.verifier, token), 'ERR_KEYS_UNAVAILABLE')
})

test('backs off while the issuer is down: many tokens, few requests', async () => {
  const endpoint = createEndpoint()
  endpoint.fail()
  const signer = createSigner()
  const statuses = new Set<string>()
  for (let index = 0; index < 200; index++) statuses.add(await statusOf(endpoint.verifier, signer.sign(claims({ jti: String(index) }))))
  assert.deepEqual([...statuses], ['ERR_KEYS_UNAVAILABLE'])
  assert.equal(endpoint.requests.length, 1)
  for (let second = 0; second < 120; second++) {
    endpoint.surroundings.advanceSeconds(1)
    await statusOf(endpoint.verifier, signer.sign(claims({ jti: `s${second}` })))
  }
  assert(endpoint.requests.length <= 9, `${endpoint.requests.length} requests in 120 s`)
  assert.equal(endpoint.surroundings.events.filter(({ kind }) => kind === 'trust.reload-failed').length, endpoint.requests.length)
})

test('lets nobody wait again and again while the issuer is slow', async () => {
  const endpoint = createEndpoint()
  const signer = createSigner()
  endpoint.publish(signer)
  const token = signer.sign(claims({ exp: NOW + 86_400 }))
  await verified(endpoint.verifier, bearer(token))
  endpoint.fail()
  endpoint.surroundings.advanceSeconds(600)
  assert.equal(await statusOf(endpoint.verifier, token), 'ok')
  const { promise, resolve } = deferred<Response>()
  endpoint.answer(() => promise)
  endpoint.surroundings.advanceSeconds(60)
  assert.equal(recalledStatus(endpoint.verifier, bearer(token)), 'ok')
  assert.equal(endpoint.requests.length, 3)
  resolve(jwks([signer.jwk]))
  await settle()
  assert.equal(recalledStatus(endpoint.verifier, bearer(token)), 'ok')
  assert.equal(endpoint.requests.length, 3)
})

const BROKEN: readonly (readonly [name: string, answer: () => Response])[] = [
  ['status 500', () => new Response('{"keys":[]}', { status: 500 })],
  ['a redirect', () => new Response(null, { status: 302, headers: { location: 'https://attacker.example/jwks' } })],
  ['status 304', () => new Response(null, { status: 304 })],
  ['text that is no JSON', () => new Response('<html>')],
  ['nothing', () => new Response(null)],
  ['JSON that is no object', () => Response.json([])],
  ['keys that are no list', () => Response.json({ keys: {} })],
  ['keys twice', () => new Response('{"keys":[],"keys":[]}')],
  ['a thousand keys', () => jwks(Array.from({ length: 1000 }, () => ({ kty: 'RSA' })))],
  ['JSON without a floor', () => new Response(`{"keys":${'['.repeat(100_000)}${']'.repeat(100_000)}}`)],
]
for (const [name, answer] of BROKEN) {
  test(`takes no keys from an answer of ${name}, and keeps those it has`, async () => {
    const endpoint = createEndpoint()
    const signer = createSigner()
    endpoint.publish(signer)
    const token = signer.sign(claims({ exp: NOW + 3600 }))
    await verified(endpoint.verifier, bearer(token))
    endpoint.answer(answer)
    endpoint.surroundings.advanceSeconds(600)
    assert.equal(await statusOf(endpoint.verifier, token), 'ok')
    assert.equal(endpoint.requests.length, 2)
    assert.equal(endpoint.surroundings.events.at(-1)?.kind, 'trust.reload-failed')
  })
}

test('stops reading an answer that is too large while it comes', async () => {
  const endpoint = createEndpoint()
  let pulled = 0
  let cancelled = false
  endpoint.answer(
    () =>
      new Response(
        new ReadableStream({
          pull(controller) {
            pulled++
            controller.enqueue(new Uint8Array(64 * 1024).fill(0x20))
          },
          cancel() {
            cancelled = true
          },
        }),
      ),
  )
  assert.equal(await statusOf(endpoint.verifier, createSigner().sign(claims())), 'ERR_KEYS_UNAVAILABLE')
  assert(cancelled)
  assert(pulled <= 7, `${pulled} chunks`)
})

test('uses an empty key set as it is: nobody is trusted any more', async () => {
  const endpoint = createEndpoint()
  const signer = createSigner()
  endpoint.publish(signer)
  const token = signer.sign(claims({ exp: NOW + 3600 }))
  await verified(endpoint.verifier, bearer(token))
  endpoint.publish()
  endpoint.surroundings.advanceSeconds(600)
  assert.equal(await statusOf(endpoint.verifier, token), 'ERR_TOKEN_KEY_UNKNOWN')
  assert.equal(endpoint.surroundings.events.at(-1)?.severity, 'warn')
})

test('says which keys it left out and why, and uses the others', async () => {
  const endpoint = createEndpoint()
  const signer = createSigner()
  const { privateKey: secret } = { privateKey: { ...createSigner('ES256', 'leaked').jwk, d: 'AAAA' } }
  endpoint.answer(() => jwks([signer.jwk, secret, { kty: 'oct', k: 'AAAA' }, { kty: 'future' }, 7, { ...signer.jwk, use: 'enc' }]))
  assert.equal(await statusOf(endpoint.verifier, signer.sign(claims())), 'ok')
  const event = endpoint.surroundings.events.at(-1)
  assert.equal(event?.kind, 'trust.reloaded')
  assert.equal(event?.severity, 'warn')
  assert.deepEqual(event?.facts, { issuer: 'https://issuer.example', keys: 1, unused: ['private: 1', 'kind: 2', 'malformed: 1', 'use: 1'] })
})

test('asks no more once it is closed, and does not wait for an answer that does not come', async () => {
  const endpoint = createEndpoint()
  endpoint.answer(() => new Promise<Response>(() => {}))
  const pending = judge(endpoint.verifier, bearer(createSigner().sign(claims())))
  await endpoint.verifier.close()
  const found = await pending
  assert(isRefusal(found))
  assert.equal(found.code, 'ERR_KEYS_UNAVAILABLE')
  assert.equal(await statusOf(endpoint.verifier, createSigner().sign(claims())), 'ERR_KEYS_UNAVAILABLE')
  assert.equal(endpoint.requests.length, 1)
})

test('follows no redirect of a real server', async (t) => {
  const signer = createSigner()
  const seen: string[] = []
  const uri = await serve(t, (req, res) => {
    seen.push(req.url ?? '')
    if (req.url === '/elsewhere') res.end(JSON.stringify({ keys: [signer.jwk] }))
    else res.writeHead(302, { location: '/elsewhere' }).end()
  })
  const verifier = createTokenVerifier(optionsFor([], { keys: { jwksUri: uri } }), createSurroundings(fetch))
  assert.equal(await statusOf(verifier, signer.sign(claims())), 'ERR_KEYS_UNAVAILABLE')
  assert.deepEqual(seen, ['/jwks'])
})

test('gives up on a real server that trickles its answer', async (t) => {
  const uri = await serve(t, (_, res) => {
    res.writeHead(200, { 'content-type': 'application/json' })
    const timer = setInterval(() => res.write(' '), 20)
    res.on('close', () => clearInterval(timer))
  })
  const surroundings = createSurroundings(fetch)
  const verifier = createTokenVerifier(optionsFor([], { keys: { jwksUri: uri, timeoutMs: 200 } }), surroundings)
  assert.equal(await statusOf(verifier, createSigner().sign(claims())), 'ERR_KEYS_UNAVAILABLE')
  assert.equal(surroundings.events.at(-1)?.facts['reason'], 'the issuer did not answer in time')
})

async function serve(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`
}

function deferred<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {}
  const promise = new Promise<T>((fulfil) => {
    resolve = fulfil
  })
  return { promise, resolve }
}
