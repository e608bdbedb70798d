import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { isRefusal, MisuseError, type TokenVerifier } from '@countersign/core'
import { type ClientAuthentication, createTokenVerifier, type IntrospectedOptions, type JwtOptions } from '@countersign/token'
import { peerOf } from './api-key/bench.js'
import { createSigner } from './signer.js'
import {
  AUDIENCE,
  bearer,
  claims,
  createConnection,
  createSurroundings,
  ISSUER,
  inboundWith,
  NOW,
  optionsFor,
  peerWith,
  recalledStatus,
  settledStatus,
  statusOf,
  type TestSurroundings,
  THUMBPRINT,
  verified,
} from './surroundings.js'

const ENDPOINT = 'https://issuer.example/introspect'
const SECRET = { method: 'client_secret_basic', clientId: 'billing', clientSecret: 'a secret: with % and +' } as const
const TOKEN = 'opaque-token_1.x~+/=='

interface Endpoint {
  readonly surroundings: TestSurroundings
  readonly verifier: TokenVerifier
  readonly requests: { readonly url: string; readonly headers: Headers; readonly form: URLSearchParams; readonly init: RequestInit }[]
  answer(next: () => Response | Promise<Response>): void
  /** An active token, with these members. */
  active(more?: Record<string, unknown>): void
}

function createEndpoint(
  introspection: Partial<IntrospectedOptions['introspection']> = {},
  more: Partial<IntrospectedOptions> = {},
  others: readonly JwtOptions[] = [],
): Endpoint {
  const requests: Endpoint['requests'][number][] = []
  let answer: () => Response | Promise<Response> = () => Response.json({ active: false })
  const surroundings = createSurroundings(async (input, init = {}) => {
    const { body } = init
    requests.push({
      url: String(input),
      headers: new Headers(init.headers),
      form: new URLSearchParams(body instanceof Uint8Array ? Buffer.from(body).toString() : ''),
      init,
    })
    return answer()
  })
  const options: IntrospectedOptions = {
    issuer: ISSUER,
    audience: AUDIENCE,
    binding: 'if-bound',
    introspection: { endpoint: ENDPOINT, clientAuthentication: SECRET, ...introspection },
    ...more,
  }
  return {
    surroundings,
    requests,
    verifier: createTokenVerifier([options, ...others], surroundings),
    answer(next) {
      answer = next
    },
    active(members = {}) {
      answer = () => Response.json({ active: true, token_type: 'Bearer', ...claims(), ...members })
    },
  }
}

test('asks the issuer about a token that is no JWT, with the secret and nothing else', async () => {
  const endpoint = createEndpoint()
  endpoint.active({ scope: 'read write', client_id: 'orders', cnf: { 'x5t#S256': THUMBPRINT } })
  const token = await verified(endpoint.verifier, bearer(TOKEN))
  const [request] = endpoint.requests
  assert.equal(request?.url, ENDPOINT)
  assert.equal(request.init.method, 'POST')
  assert.equal(request.init.redirect, 'manual')
  assert.equal(request.headers.get('content-type'), 'application/x-www-form-urlencoded')
  assert.deepEqual([...request.form], Object.entries({ token: TOKEN, token_type_hint: 'access_token' }))
  // RFC 6749 §2.3.1: both parts are form-encoded before they are joined.
  const credentials = Buffer.from(request.headers.get('authorization')?.slice('Basic '.length) ?? '', 'base64').toString()
  assert.equal(credentials, 'billing:a+secret%3A+with+%25+and+%2B')

  assert.deepEqual(
    { ...token, claims: null, scopes: [...token.scopes] },
    {
      issuer: ISSUER,
      subject: 'alice',
      identity: { kind: 'subject', authority: ISSUER, value: 'alice' },
      audience: [AUDIENCE],
      scopes: ['read', 'write'],
      claims: null,
      boundTo: THUMBPRINT,
      boundToKey: null,
      id: 'j-1',
      issuedAtMs: NOW * 1000,
      expiresAtMs: (NOW + 330) * 1000,
    },
  )
  assert.equal(token.claims['client_id'], 'orders')
  assert(Object.isFrozen(token.claims))
  const { verifier } = endpoint
  assert.equal(verifier.bind(token, peerWith(THUMBPRINT)), null)
  assert.equal(verifier.bind(token, peerWith('A'.repeat(43)))?.code, 'ERR_TOKEN_BINDING')
  assert.equal(verifier.bind(token, null)?.code, 'ERR_TOKEN_BINDING')
})

test('needs the binding by default', async () => {
  const endpoint = createEndpoint({}, { binding: 'mtls' })
  endpoint.active()
  const token = await verified(endpoint.verifier, bearer(TOKEN))
  assert.equal(endpoint.verifier.bind(token, peerWith(THUMBPRINT))?.code, 'ERR_TOKEN_UNBOUND')
})

test('proves who is asking by an assertion of its own for each question, or by the certificate of a fetch', async () => {
  let made = 0
  const assertion = async (): Promise<string> => `assertion-${++made}`
  const byKey = createEndpoint({ clientAuthentication: { method: 'private_key_jwt', clientId: 'billing', assertion } })
  byKey.active()
  await Promise.all(['one', 'two'].map((token) => verified(byKey.verifier, bearer(token))))
  assert.deepEqual(
    byKey.requests.map(({ form }) => form.get('client_assertion')),
    ['assertion-1', 'assertion-2'],
  )
  const [first] = byKey.requests
  assert.equal(first?.form.get('client_assertion_type'), 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer')
  assert.equal(first?.form.get('client_id'), 'billing')
  assert.equal(first?.headers.get('authorization'), null)

  const asked: string[] = []
  const fetch: typeof globalThis.fetch = async (input, init) => {
    asked.push(`${String(input)} ${Buffer.from(init?.body as Uint8Array).toString()}`)
    return Response.json({ active: true, ...claims() })
  }
  const byCertificate = createEndpoint({ clientAuthentication: { method: 'tls_client_auth', clientId: 'billing', fetch } })
  assert.equal(await statusOf(byCertificate.verifier, 'opaque'), 'ok')
  assert.deepEqual(asked, [`${ENDPOINT} token=opaque&token_type_hint=access_token&client_id=billing`])
  assert.equal(byCertificate.requests.length, 0)
})

test('refuses a token that is not active, and tells nothing else about it', async () => {
  const endpoint = createEndpoint()
  endpoint.answer(() => Response.json({ active: false, sub: 'alice', exp: NOW + 300 }))
  const found = await endpoint.verifier.verify(bearer(TOKEN))
  assert(isRefusal(found))
  assert.deepEqual([found.code, found.facts], ['ERR_TOKEN_INACTIVE', {}])
})

const ANSWERS: readonly (readonly [name: string, members: Record<string, unknown>, code: string])[] = [
  ['no exp', { exp: undefined }, 'ERR_TOKEN_CLAIM_MISSING'],
  ['an exp that is a text', { exp: String(NOW + 300) }, 'ERR_TOKEN_CLAIM_INVALID'],
  ['an exp that has passed', { exp: NOW - 31 }, 'ERR_TOKEN_EXPIRED'],
  ['an nbf that has not come', { nbf: NOW + 31 }, 'ERR_TOKEN_NOT_YET_VALID'],
  ['an iat that has not come', { iat: NOW + 31 }, 'ERR_TOKEN_ISSUED_IN_FUTURE'],
  ['another iss', { iss: 'https://other.example' }, 'ERR_TOKEN_ISSUER'],
  ['an iss that is no text', { iss: [ISSUER] }, 'ERR_TOKEN_ISSUER'],
  ['another aud', { aud: 'shipping' }, 'ERR_TOKEN_AUDIENCE'],
  ['no aud', { aud: undefined }, 'ERR_TOKEN_CLAIM_MISSING'],
  ['no sub', { sub: undefined }, 'ERR_TOKEN_CLAIM_MISSING'],
  ['a SPIFFE ID that the issuer may not speak for', { sub: 'spiffe://prod.example/orders' }, 'ERR_TOKEN_SUBJECT'],
  ['a scope that is no text', { scope: ['read'] }, 'ERR_TOKEN_CLAIM_INVALID'],
  ['a binding that is not understood', { cnf: { kid: 'k' } }, 'ERR_TOKEN_BINDING'],
  ['a binding to a key, without a proof', { cnf: { jkt: THUMBPRINT } }, 'ERR_TOKEN_BINDING'],
  ['the type of a refresh token', { token_type: 'refresh_token' }, 'ERR_TOKEN_TYPE'],
  ['the type DPoP', { token_type: 'DPoP' }, 'ERR_TOKEN_TYPE'],
]
for (const [name, members, code] of ANSWERS) {
  test(`refuses an active token with ${name}`, async () => {
    const endpoint = createEndpoint()
    endpoint.active(members)
    assert.equal(await statusOf(endpoint.verifier, TOKEN), code)
  })
}

test('accepts an answer without iss and token_type, which are optional', async () => {
  const endpoint = createEndpoint()
  endpoint.active({ iss: undefined, token_type: undefined, nbf: NOW + 29 })
  assert.equal(await statusOf(endpoint.verifier, TOKEN), 'ok')
})

const NO_ANSWERS: readonly (readonly [name: string, answer: () => Response | Promise<Response>])[] = [
  ['status 401', () => Response.json({ active: true, ...claims() }, { status: 401 })],
  ['status 500', () => Response.json({ active: true, ...claims() }, { status: 500 })],
  ['a redirect', () => new Response(null, { status: 307, headers: { location: 'https://attacker.example/' } })],
  ['no connection', () => Promise.reject(new TypeError('fetch failed'))],
  ['text that is no JSON', () => new Response('<html>')],
  ['a list', () => Response.json([{ active: true, ...claims() }])],
  ['active as a text', () => Response.json({ ...claims(), active: 'true' })],
  ['active as a number', () => Response.json({ ...claims(), active: 1 })],
  ['no active', () => Response.json(claims())],
  ['active twice', () => new Response(`{"active":false,"active":true,${JSON.stringify(claims()).slice(1)}`)],
  ['more than 64 KiB', () => Response.json({ active: true, ...claims(), pad: 'x'.repeat(70_000) })],
]
for (const [name, answer] of NO_ANSWERS) {
  test(`answers unavailable, never invalid, where the issuer answers with ${name}`, async () => {
    const endpoint = createEndpoint()
    endpoint.answer(answer)
    const found = await endpoint.verifier.verify(bearer(TOKEN))
    assert(isRefusal(found))
    assert.equal(found.code, 'ERR_INTROSPECTION_UNAVAILABLE')
    endpoint.active()
    endpoint.surroundings.advanceSeconds(1)
    assert.equal(await statusOf(endpoint.verifier, TOKEN), 'ok')
  })
}

test('answers unavailable where an assertion cannot be made, and waits for none', async () => {
  for (const assertion of [() => Promise.reject(new Error('no key')), () => '', () => new Promise<string>(() => {})]) {
    const endpoint = createEndpoint({ clientAuthentication: { method: 'private_key_jwt', assertion }, timeoutMs: 100 })
    assert.equal(await statusOf(endpoint.verifier, TOKEN), 'ERR_INTROSPECTION_UNAVAILABLE')
    assert.equal(endpoint.requests.length, 0)
  }
})

test('asks once for all who bring a token, and again when the answer is no longer believed', async () => {
  const endpoint = createEndpoint({ cacheSeconds: 30 })
  endpoint.active()
  const statuses = await Promise.all(Array.from({ length: 20 }, () => statusOf(endpoint.verifier, TOKEN)))
  assert(statuses.every((status) => status === 'ok'))
  assert.equal(endpoint.requests.length, 1)
  endpoint.surroundings.advanceSeconds(29)
  assert.equal(recalledStatus(endpoint.verifier, bearer(TOKEN)), 'ok')
  assert.equal(recalledStatus(endpoint.verifier, inboundWith(`bearer   ${TOKEN}`)), 'ok')
  endpoint.answer(() => Response.json({ active: false }))
  endpoint.surroundings.advanceSeconds(1)
  const connection = createConnection()
  assert.equal(recalledStatus(endpoint.verifier, bearer(TOKEN, connection)), 'open')
  assert.equal(await settledStatus(endpoint.verifier, bearer(TOKEN, connection)), 'ERR_TOKEN_INACTIVE')
  assert.equal(endpoint.requests.length, 2)
  endpoint.surroundings.advanceSeconds(4)
  assert.equal(recalledStatus(endpoint.verifier, bearer(TOKEN, connection)), 'ERR_TOKEN_INACTIVE')
  endpoint.surroundings.advanceSeconds(1)
  assert.equal(recalledStatus(endpoint.verifier, bearer(TOKEN, connection)), 'open')
})

test('keeps no answer where the options say so, and none beyond exp', async () => {
  const without = createEndpoint({ cacheSeconds: 0, negativeCacheSeconds: 0 })
  without.active()
  for (let time = 1; time <= 3; time++) {
    assert.equal(await statusOf(without.verifier, TOKEN), 'ok')
    assert.equal(without.requests.length, time)
  }
  const endpoint = createEndpoint({ cacheSeconds: 3600 })
  endpoint.active({ exp: NOW + 300 })
  assert.equal(await statusOf(endpoint.verifier, TOKEN), 'ok')
  endpoint.surroundings.advanceSeconds(299)
  assert.equal(recalledStatus(endpoint.verifier, bearer(TOKEN)), 'ok')
  endpoint.surroundings.advanceSeconds(1)
  assert.equal(recalledStatus(endpoint.verifier, bearer(TOKEN)), 'open')
  assert.equal(await statusOf(endpoint.verifier, TOKEN), 'ok')
  endpoint.surroundings.advanceSeconds(30)
  assert.equal(await statusOf(endpoint.verifier, TOKEN), 'ERR_TOKEN_EXPIRED')
})

test('never answers for one token with what the issuer said of another', async () => {
  const endpoint = createEndpoint()
  endpoint.active({ sub: 'alice' })
  const connection = createConnection()
  assert.equal((await verified(endpoint.verifier, bearer('one', connection))).subject, 'alice')
  endpoint.active({ sub: 'bob' })
  assert.equal((await verified(endpoint.verifier, bearer('two', connection))).subject, 'bob')
  assert.equal((await verified(endpoint.verifier, bearer('one', connection))).subject, 'alice')
})

test('judges what outlives its request by what the issuer says meanwhile, and no longer than it answers', async () => {
  const endpoint = createEndpoint({ cacheSeconds: 10, timeoutMs: 2000 })
  endpoint.active()
  const stream = await verified(endpoint.verifier, bearer(TOKEN))
  endpoint.surroundings.advanceSeconds(9)
  assert.equal(endpoint.verifier.judge(stream), null)
  assert.equal(endpoint.requests.length, 1)
  endpoint.surroundings.advanceSeconds(1)
  assert.equal(endpoint.verifier.judge(stream), null)
  await settle()
  assert.equal(endpoint.requests.length, 2)
  endpoint.surroundings.advanceSeconds(9)
  assert.equal(endpoint.verifier.judge(stream), null)
  assert.equal(endpoint.requests.length, 2)

  endpoint.answer(() => Promise.reject(new TypeError('fetch failed')))
  endpoint.surroundings.advanceSeconds(2)
  assert.equal(endpoint.verifier.judge(stream), null)
  await settle()
  endpoint.surroundings.advanceSeconds(3)
  assert.equal(endpoint.verifier.judge(stream)?.code, 'ERR_INTROSPECTION_UNAVAILABLE')
  endpoint.answer(() => Response.json({ active: false }))
  await settle()
  endpoint.surroundings.advanceSeconds(1)
  endpoint.verifier.judge(stream)
  await settle()
  assert.equal(endpoint.verifier.judge(stream)?.code, 'ERR_TOKEN_INACTIVE')
})

test('asks the list of what was revoked too, on every request', async () => {
  const revoked = new Set<string>()
  const list = { ageMs: 0, has: (kind: string, id: string) => revoked.has(`${kind} ${id}`) }
  const endpoint = createEndpoint({}, { revocation: { list } })
  endpoint.active()
  const stream = await verified(endpoint.verifier, bearer(TOKEN))
  for (const one of ['token j-1', 'service alice']) {
    revoked.add(one)
    assert.equal(await statusOf(endpoint.verifier, TOKEN), 'ERR_TOKEN_REVOKED')
    assert.equal(endpoint.verifier.judge(stream)?.code, 'ERR_TOKEN_REVOKED')
    revoked.delete(one)
  }
  endpoint.active({ jti: undefined })
  assert.equal(await statusOf(endpoint.verifier, 'another'), 'ERR_TOKEN_CLAIM_MISSING')
})

test('verifies JWTs of other issuers as before, and asks about none of them', async () => {
  const signer = createSigner()
  const others = optionsFor([signer], { issuer: 'https://jwt.example' })
  const endpoint = createEndpoint({}, {}, [others])
  endpoint.active()
  const jwt = signer.sign(claims({ iss: 'https://jwt.example' }))
  const token = await verified(endpoint.verifier, bearer(jwt))
  assert.equal(endpoint.verifier.judge(token), null)
  assert.equal(endpoint.verifier.bind(token, null), null)
  // The issuer that is asked is none whose signature is believed.
  assert.equal(await statusOf(endpoint.verifier, signer.sign(claims())), 'ERR_TOKEN_ISSUER')
  assert.equal(endpoint.requests.length, 0)
  assert.equal(await statusOf(endpoint.verifier, TOKEN), 'ok')
  assert.equal(endpoint.requests.length, 1)

  const alone = createEndpoint()
  alone.active()
  assert.equal(await statusOf(alone.verifier, jwt), 'ok')
  assert.equal(alone.requests[0]?.form.get('token'), jwt)
})

test('asks about nothing that cannot be a bearer token', async () => {
  const endpoint = createEndpoint({}, { maxBytes: 256 })
  endpoint.active()
  const statuses: string[] = []
  for (const field of [
    null,
    'Basic abc',
    'DPoP abc',
    'Bearer',
    'Bearer ',
    'Bearer a b',
    'Bearer a"b',
    'Bearer é',
    `Bearer ${'x'.repeat(257)}`,
  ]) {
    statuses.push(await settledStatus(endpoint.verifier, inboundWith(field)))
  }
  const malformed = Array.from({ length: 5 }, () => 'ERR_TOKEN_MALFORMED')
  assert.deepEqual(statuses, ['none', 'ERR_TOKEN_SCHEME', 'ERR_TOKEN_SCHEME', ...malformed, 'ERR_TOKEN_TOO_LARGE'])
  assert.equal(endpoint.requests.length, 0)
})

test('keeps no more answers than it is told, asks no more than a hundred questions at once, half of them of one source, and puts no token into what is logged', async () => {
  const endpoint = createEndpoint({ maxEntries: 10 })
  endpoint.active()
  for (let index = 0; index < 20; index++) await statusOf(endpoint.verifier, `token-${index}`)
  assert.equal(recalledStatus(endpoint.verifier, bearer('token-9')), 'open')
  assert.equal(recalledStatus(endpoint.verifier, bearer('token-19')), 'ok')

  let answer: (response: Response) => void = () => {}
  const held = new Promise<Response>((resolve) => {
    answer = resolve
  })
  endpoint.answer(async () => (await held).clone())
  const before = endpoint.requests.length
  const ask = (index: number, address: number) =>
    endpoint.verifier.verify({ ...bearer(`flood-${index}`), clientAddress: `192.0.2.${address}` })
  const waiting = Array.from({ length: 60 }, (_, index) => ask(index, 1))
  await settle()
  assert.equal(endpoint.requests.length - before, 50)
  waiting.push(...Array.from({ length: 10 }, (_, index) => endpoint.verifier.verify(bearer(`flood-${100 + index}`), peerOf('orders'))))
  await settle()
  assert.equal(endpoint.requests.length - before, 60, 'a proven peer has a share of its own, whatever its address')
  waiting.push(...Array.from({ length: 100 }, (_, index) => ask(200 + index, 2 + index)))
  await settle()
  assert.equal(endpoint.requests.length - before, 100)
  answer(Response.json({ active: false }))
  const found = await Promise.all(waiting)
  const codes = found.map((one) => (isRefusal(one) ? one.code : 'ok'))
  assert.deepEqual([codes.filter((code) => code === 'ERR_TOKEN_INACTIVE').length, codes.at(-1)], [100, 'ERR_INTROSPECTION_UNAVAILABLE'])
  assert.equal(await statusOf(endpoint.verifier, 'one-more'), 'ERR_TOKEN_INACTIVE', 'all the room was given back')
  const logged = JSON.stringify([endpoint.surroundings.events, found, endpoint.verifier.toString()])
  for (const secret of ['flood-', 'token-', SECRET.clientSecret]) assert(!logged.includes(secret), secret)
  assert.equal(endpoint.surroundings.counts.get('ERR_TOKEN_INACTIVE'), 101)
})

test('what strangers make up pushes out no good answer', async () => {
  const endpoint = createEndpoint({ maxEntries: 10 })
  endpoint.active()
  assert.equal(await statusOf(endpoint.verifier, TOKEN), 'ok')
  endpoint.answer(() => Response.json({ active: false }))
  for (let index = 0; index < 50; index++) assert.equal(await statusOf(endpoint.verifier, `made-up-${index}`), 'ERR_TOKEN_INACTIVE')
  assert.equal(recalledStatus(endpoint.verifier, bearer(TOKEN)), 'ok')
  assert.equal(recalledStatus(endpoint.verifier, bearer('made-up-39')), 'open')
  assert.equal(recalledStatus(endpoint.verifier, bearer('made-up-49')), 'ERR_TOKEN_INACTIVE')
})

test('of two answers about a token the last one counts, whichever way it changed', async () => {
  const endpoint = createEndpoint({ cacheSeconds: 30, negativeCacheSeconds: 5 })
  endpoint.active()
  assert.equal(await statusOf(endpoint.verifier, TOKEN), 'ok')
  endpoint.answer(() => Response.json({ active: false }))
  endpoint.surroundings.advanceSeconds(30)
  assert.equal(await statusOf(endpoint.verifier, TOKEN), 'ERR_TOKEN_INACTIVE')
  endpoint.active()
  assert.equal(recalledStatus(endpoint.verifier, bearer(TOKEN)), 'ERR_TOKEN_INACTIVE')
  endpoint.surroundings.advanceSeconds(5)
  assert.equal(await statusOf(endpoint.verifier, TOKEN), 'ok')
  assert.equal(recalledStatus(endpoint.verifier, bearer(TOKEN)), 'ok')
})

test('warns of no leak of listeners while a hundred questions are open', async (t) => {
  const warnings: Error[] = []
  const listen = (warning: Error): unknown => warnings.push(warning)
  process.on('warning', listen)
  t.after(() => process.off('warning', listen))
  const endpoint = createEndpoint()
  endpoint.answer(() => new Promise(() => {}))
  const open = Array.from({ length: 50 }, (_, index) => endpoint.verifier.verify(bearer(`token-${index}`)))
  await settle()
  assert.deepEqual(warnings, [])
  await endpoint.verifier.close()
  await Promise.all(open)
})

test('asks no more once it is closed, and does not wait for an answer that does not come', async () => {
  const endpoint = createEndpoint()
  endpoint.answer(() => new Promise(() => {}))
  const found = endpoint.verifier.verify(bearer(TOKEN))
  await endpoint.verifier.close()
  for (const one of [await found, await endpoint.verifier.verify(bearer('another'))]) {
    assert(isRefusal(one))
    assert.equal(one.code, 'ERR_INTROSPECTION_UNAVAILABLE')
  }
  assert.equal(endpoint.requests.length, 1)
})

test('gives up on a real server that trickles its answer, follows none of its redirects, and takes its answer', async (t) => {
  const asked: string[] = []
  let answer: (req: IncomingMessage, res: ServerResponse) => void = (_, res) => res.end(JSON.stringify({ active: true, ...claims() }))
  const endpoint = await serve(t, (req, res) => {
    asked.push(`${req.method} ${req.url} ${req.headers.authorization === undefined ? 'nobody' : 'known'}`)
    req.resume()
    answer(req, res)
  })
  const introspection = { endpoint, clientAuthentication: SECRET as ClientAuthentication, timeoutMs: 200 }
  const surroundings = { ...createSurroundings(), fetch: globalThis.fetch }
  const open = (): TokenVerifier =>
    createTokenVerifier({ issuer: ISSUER, audience: AUDIENCE, binding: 'if-bound', introspection }, surroundings)
  assert.equal(await statusOf(open(), TOKEN), 'ok')
  answer = (_, res) => res.writeHead(307, { location: `${endpoint}/elsewhere` }).end()
  assert.equal(await statusOf(open(), TOKEN), 'ERR_INTROSPECTION_UNAVAILABLE')
  answer = (_, res) => {
    const timer = setInterval(() => res.write(' '), 20)
    res.once('close', () => clearInterval(timer))
  }
  assert.equal(await statusOf(open(), TOKEN), 'ERR_INTROSPECTION_UNAVAILABLE')
  assert.deepEqual(asked, ['POST /introspect known', 'POST /introspect known', 'POST /introspect known'])
})

test('names the option of an introspection that is wrong', () => {
  const good = {
    issuer: ISSUER,
    audience: AUDIENCE,
    introspection: { endpoint: ENDPOINT, clientAuthentication: SECRET },
  }
  const rows: readonly (readonly [option: string, code: string, options: unknown])[] = [
    ['jwt.keys', 'ERR_OPTION_CONTRADICTION', { ...good, keys: { jwks: [] } }],
    ['jwt.keys', 'ERR_OPTION_MISSING', { issuer: ISSUER, audience: AUDIENCE }],
    ['jwt.type', 'ERR_OPTION_UNKNOWN', { ...good, type: 'JWT' }],
    ['jwt.algorithms', 'ERR_OPTION_UNKNOWN', { ...good, algorithms: ['ES256'] }],
    ['jwt.binding', 'ERR_OPTION_INVALID', { ...good, binding: 'dpop' }],
    ['jwt.dpop', 'ERR_OPTION_UNKNOWN', { ...good, dpop: {} }],
    ['jwt.audience', 'ERR_OPTION_MISSING', { issuer: ISSUER, introspection: good.introspection }],
    ['jwt.introspection', 'ERR_OPTION_INVALID', { ...good, introspection: ENDPOINT }],
    ['jwt[1].introspection', 'ERR_OPTION_CONTRADICTION', [good, { ...good, issuer: 'https://other.example' }]],
    ['jwt[1].issuer', 'ERR_OPTION_CONTRADICTION', [good, optionsFor([createSigner()])]],
    ...(
      [
        ['endpoint', 'ERR_OPTION_MISSING', { endpoint: undefined }],
        ['endpoint', 'ERR_OPTION_INVALID', { endpoint: 'http://issuer.example/introspect' }],
        ['endpoint', 'ERR_OPTION_INVALID', { endpoint: 'https://user:pass@issuer.example/' }],
        ['clientAuthentication', 'ERR_OPTION_MISSING', { clientAuthentication: undefined }],
        ['clientAuthentication', 'ERR_OPTION_INVALID', { clientAuthentication: 'secret' }],
        ['clientAuthentication.method', 'ERR_OPTION_INVALID', { clientAuthentication: { ...SECRET, method: 'none' } }],
        ['clientAuthentication.clientSecret', 'ERR_OPTION_INVALID', { clientAuthentication: { ...SECRET, clientSecret: '' } }],
        ['clientAuthentication.secret', 'ERR_OPTION_UNKNOWN', { clientAuthentication: { ...SECRET, secret: 'x' } }],
        ['clientAuthentication.assertion', 'ERR_OPTION_INVALID', { clientAuthentication: { method: 'private_key_jwt', assertion: 'x' } }],
        ['clientAuthentication.fetch', 'ERR_OPTION_INVALID', { clientAuthentication: { method: 'tls_client_auth', clientId: 'x' } }],
        ['timeoutMs', 'ERR_OPTION_INVALID', { timeoutMs: 99 }],
        ['cacheSeconds', 'ERR_OPTION_INVALID', { cacheSeconds: 3601 }],
        ['negativeCacheSeconds', 'ERR_OPTION_INVALID', { negativeCacheSeconds: -1 }],
        ['maxEntries', 'ERR_OPTION_INVALID', { maxEntries: 0 }],
        ['cacheMs', 'ERR_OPTION_UNKNOWN', { cacheMs: 1 }],
      ] as const
    ).map(
      ([key, code, wrong]) => [`jwt.introspection.${key}`, code, { ...good, introspection: { ...good.introspection, ...wrong } }] as const,
    ),
  ]
  for (const [option, code, options] of rows) {
    assert.throws(
      () => createTokenVerifier(options as JwtOptions, createSurroundings()),
      (error) => {
        assert(error instanceof MisuseError)
        assert.deepEqual([error.option, error.code], [option, code])
        assert(!error.message.includes(SECRET.clientSecret))
        return true
      },
    )
  }
})

/** Lets what runs in the background come to its end: every answer here is there at once. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve))
}

async function serve(t: TestContext, answer: (req: IncomingMessage, res: ServerResponse) => void): Promise<string> {
  const server = createServer(answer)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/introspect`
}
