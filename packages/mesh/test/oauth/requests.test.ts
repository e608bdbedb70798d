import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { connect } from 'node:tls'
import { createAuthorizationServer } from '@countersign/mesh'
import { certificateClient, createStage, lastCode, run } from './stage.js'

const ORDERS = 'spiffe://prod.example/orders'
const GRANT = { grant_type: 'client_credentials', client_id: ORDERS }
const BODY = `grant_type=client_credentials&client_id=${encodeURIComponent(ORDERS)}`
const FORM = 'application/x-www-form-urlencoded'

async function start(t: TestContext, issuer?: string) {
  const stage = await createStage(t, issuer === undefined ? {} : { issuer })
  return { stage, ...(await run(t, stage, { clients: [certificateClient(ORDERS)] })) }
}

test('a request that is not a strict form is refused: parameters twice, broken escapes, other bytes, too many', async (t) => {
  const { stage, post } = await start(t)
  const wrong = [
    `${BODY}&scope=a&scope=b`,
    `${BODY}&client_id=${encodeURIComponent(ORDERS)}`,
    `${BODY}&scope=&scope=`,
    `${BODY}&x=%`,
    `${BODY}&x=%zz`,
    `${BODY}&x=%ff`,
    `${BODY}&%c3=1`,
    `${BODY}&${Array.from({ length: 64 }, (_, index) => `p${index}=1`).join('&')}`,
    '',
  ]
  for (const body of wrong) {
    const answer = await post('/token', body, stage.orders)
    assert.equal(answer.status, 400, body)
    assert.equal(answer.json['error'], 'invalid_request', body)
    assert.equal(lastCode(stage), 'ERR_OAUTH_REQUEST')
    assert.equal(answer.headers['cache-control'], 'no-store')
  }
  assert.equal((await post('/token', `${BODY}&scope=&x=1&resource=&y`, stage.orders)).status, 200, 'empty is absent, unknown is ignored')
  const prototype = `${BODY}&__proto__=1&constructor=2&toString=3`
  assert.equal((await post('/token', prototype, stage.orders)).status, 200)
})

test('other media types, and parameters in the URL, are refused', async (t) => {
  const { stage, post } = await start(t)
  for (const type of [
    'application/json',
    'text/plain',
    `${FORM}; charset=iso-8859-1`,
    `${FORM}, ${FORM}`,
    'multipart/form-data; boundary=x',
    '',
  ]) {
    assert.equal((await post('/token', BODY, stage.orders, { 'content-type': type })).json['error'], 'invalid_request', type)
  }
  for (const type of [`${FORM}; charset=utf-8`, `${FORM};charset="UTF-8"`, FORM.toUpperCase()]) {
    assert.equal((await post('/token', BODY, stage.orders, { 'content-type': type })).status, 200, type)
  }
  assert.equal((await post(`/token?client_id=${encodeURIComponent(ORDERS)}`, GRANT, stage.orders)).status, 400)
})

test('a body of more than 64 KiB is refused, whether or not it says so', async (t) => {
  const { stage, post, port } = await start(t)
  const fits = `${BODY}&x=`.padEnd(65_536, 'a')
  assert.equal((await post('/token', fits, stage.orders)).status, 200)
  const answer = await post('/token', `${fits}a`, stage.orders)
  assert.equal(answer.status, 413)
  assert.equal(lastCode(stage), 'ERR_OAUTH_BODY_TOO_LARGE')
  const socket = connect({ port, host: '127.0.0.1', servername: 'localhost', rejectUnauthorized: false })
  await once(socket, 'secureConnect')
  socket.on('error', () => {})
  socket.write(`POST /token HTTP/1.1\r\nhost: localhost\r\ncontent-type: ${FORM}\r\ntransfer-encoding: chunked\r\n\r\n`)
  for (let count = 0; count < 70; count++) socket.write(`400\r\n${'a'.repeat(1024)}\r\n`)
  const [chunk] = await once(socket, 'data')
  assert.match(String(chunk), /^HTTP\/1\.1 413 /)
  assert.match(String(chunk), /connection: close/i)
  socket.destroy()
})

test('a client that breaks off does no harm', async (t) => {
  const { stage, post, port } = await start(t)
  const socket = connect({ port, host: '127.0.0.1', servername: 'localhost', rejectUnauthorized: false })
  await once(socket, 'secureConnect')
  socket.write(`POST /token HTTP/1.1\r\nhost: localhost\r\ncontent-type: ${FORM}\r\ncontent-length: 100\r\n\r\ngrant`)
  const written = stage.recorder.waitFor(({ code }) => code === 'ERR_OAUTH_REQUEST')
  setTimeout(() => socket.destroy(), 20)
  await written
  assert.equal((await post('/token', BODY, stage.orders)).status, 200)
})

test('each endpoint takes the methods that it has, and says which', async (t) => {
  const { stage, request } = await start(t)
  for (const path of ['/token', '/revoke', '/introspect']) {
    const answer = await request('GET', path, null, stage.orders)
    assert.equal(answer.status, 405)
    assert.equal(answer.headers['allow'], 'POST')
  }
  const posted = await request('POST', '/jwks', BODY, null, { 'content-type': FORM })
  assert.equal(posted.status, 405)
  assert.equal(posted.headers['allow'], 'GET, HEAD')
  const head = await request('HEAD', '/jwks', null)
  assert.equal(head.status, 200)
  assert.equal(head.text, '')
})

test('paths of others are not found, and none is found by another spelling', async (t) => {
  const { request } = await start(t)
  for (const path of ['/', '/Token', '/token/', '//token', '/%74oken', '/./token', '/.well-known/openid-configuration']) {
    assert.equal((await request('GET', path, null)).status, 404, path)
  }
})

test('the metadata is where the issuer says, and the issuer in it is that one', async (t) => {
  for (const [issuer, base] of [
    ['https://mesh.prod.example', ''],
    ['https://mesh.prod.example/tenant/one', '/tenant/one'],
    ['https://mesh.prod.example/tenant/', '/tenant'],
  ] as const) {
    const { request, server, stage, post } = await start(t, issuer)
    const { json, headers } = await request('GET', `/.well-known/oauth-authorization-server${base}`, null)
    assert.equal(headers['content-type'], 'application/json')
    assert.equal(json['issuer'], issuer)
    assert.deepEqual(json, JSON.parse(JSON.stringify(server.metadata())))
    assert.equal(json['token_endpoint'], `https://mesh.prod.example${base}/token`)
    assert.equal(json['jwks_uri'], `https://mesh.prod.example${base}/jwks`)
    assert.equal(json['revocation_endpoint'], `https://mesh.prod.example${base}/revoke`)
    assert.equal(json['introspection_endpoint'], `https://mesh.prod.example${base}/introspect`)
    assert.equal(json['tls_client_certificate_bound_access_tokens'], true)
    assert.deepEqual(json['response_types_supported'], [])
    assert.equal((json['grant_types_supported'] as string[]).includes('client_credentials'), true)
    assert.deepEqual(json['token_endpoint_auth_methods_supported'], ['tls_client_auth', 'self_signed_tls_client_auth', 'private_key_jwt'])
    assert.equal((await post(`${base}/token`, GRANT, stage.orders)).status, 200)
  }
})

test('the keys that are published are public, and verify what is issued', async (t) => {
  const { request, stage } = await start(t)
  const { json } = await request('GET', '/jwks', null)
  const [key] = json['keys'] as Record<string, unknown>[]
  assert.equal(key?.['kid'], stage.core.keys.kid)
  assert.equal(JSON.stringify(json).includes('"d":'), false)
})

test('an issuer that is no plain https URL makes no authorization server', async (t) => {
  for (const issuer of [
    'http://mesh.example',
    'https://mesh.example?x',
    'https://mesh.example#x',
    'spiffe://prod.example',
    'https://u:p@mesh.example',
    'https://MESH.example',
  ]) {
    // What a mesh cannot be called either, its own options refuse.
    await assert.rejects(
      async () => createAuthorizationServer({ mesh: (await createStage(t, { issuer })).authMesh, clients: [] }),
      { code: 'ERR_OPTION_INVALID', option: issuer === 'https://MESH.example' ? 'mesh' : 'issuer' },
      issuer,
    )
  }
})

test('the metadata names the algorithms that clients have registered, besides the usual ones', async (t) => {
  const jwk = generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey.export({ format: 'jwk' })
  const keys = { jwks: [{ ...jwk, kid: 'a', alg: 'ES384' }] }
  const client = certificateClient(ORDERS, { authentication: { method: 'private_key_jwt', keys, algorithms: ['ES384'] } })
  const { server } = await run(t, await createStage(t), { clients: [client] })
  const { token_endpoint_auth_signing_alg_values_supported: names } = server.metadata() as { readonly [name: string]: unknown }
  assert.deepEqual(names, ['ES256', 'RS256', 'PS256', 'Ed25519', 'ES384'])
})

test('options that are wrong are told by their path', async (t) => {
  const stage = await createStage(t)
  const make = (options: object) => () =>
    createAuthorizationServer({ mesh: stage.authMesh, mtls: { trust: stage.mesh.trust }, clients: [], ...options } as never)
  const client = certificateClient(ORDERS)
  const wrong: readonly (readonly [object, string])[] = [
    [{ clients: undefined }, 'clients'],
    [{ clients: 'x' }, 'clients'],
    [{ mesh: {} }, 'mesh'],
    [{ client: [] }, 'client'],
    [{ tokenSeconds: 60 }, 'tokenSeconds'],
    [{ mesh: stage.core }, 'mesh'],
    [{ limit: { perClient: { quota: 0, windowSeconds: 1 } } }, 'limit.perClient.quota'],
    [{ mtlsOrigin: 'https://mtls.example/path' }, 'mtlsOrigin'],
    [{ clients: [client, client] }, 'clients[1].clientId'],
    [{ clients: [{ ...client, grants: [] }] }, 'clients[0].grants'],
    [{ clients: [{ ...client, grants: ['password'] }] }, 'clients[0].grants'],
    [{ clients: [{ ...client, audiences: [] }] }, 'clients[0].audiences'],
    [{ clients: [{ ...client, scopes: ['a b'] }] }, 'clients[0].scopes[0]'],
    [{ clients: [{ ...client, defaultScopes: ['a'] }] }, 'clients[0].defaultScopes'],
    [{ clients: [{ ...client, clientId: 'é' }] }, 'clients[0].clientId'],
    [{ clients: [{ ...client, secret: 'x' }] }, 'clients[0].secret'],
    [{ clients: [{ ...client, refresh: { maxCount: 0 } }] }, 'clients[0].refresh.maxCount'],
    [{ clients: [{ ...client, authentication: { method: 'none' } }] }, 'clients[0].authentication.method'],
    [{ clients: [{ ...client, authentication: { method: 'private_key_jwt' } }] }, 'clients[0].authentication.keys'],
    [{ clients: [{ ...client, authentication: { method: 'client_secret_basic' } }] }, 'clients[0].authentication'],
    [
      { clients: [{ ...client, authentication: { method: 'self_signed_tls_client_auth', thumbprints: ['x'] } }] },
      'clients[0].authentication.thumbprints[0]',
    ],
  ]
  for (const [options, option] of wrong) assert.throws(make(options), { name: 'MisuseError', option }, option)
})

test('without TLS no certificate is believed, and nothing is issued', async (t) => {
  const { stage, server } = await start(t)
  const plain = createServer(server.listener)
  plain.listen(0, '127.0.0.1')
  await once(plain, 'listening')
  t.after(() => plain.close())
  const answer = await fetch(`http://127.0.0.1:${(plain.address() as AddressInfo).port}/token`, {
    method: 'POST',
    headers: { 'content-type': FORM },
    body: BODY,
  })
  assert.equal(answer.status, 401)
  assert.equal(lastCode(stage), 'ERR_CLIENT_CERTIFICATE')
})

test('a body that does not arrive in time is refused', async (t) => {
  const { stage, port } = await start(t)
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const socket = connect({ port, host: '127.0.0.1', servername: 'localhost', rejectUnauthorized: false })
  await once(socket, 'secureConnect')
  socket.write(`POST /token HTTP/1.1\r\nhost: localhost\r\ncontent-type: ${FORM}\r\ncontent-length: 100\r\n\r\ngrant`)
  const answered = once(socket, 'data')
  const ticking = setInterval(() => t.mock.timers.tick(10_000), 20)
  const [chunk] = await answered
  clearInterval(ticking)
  assert.match(String(chunk), /^HTTP\/1\.1 408 /)
  assert.equal(lastCode(stage), 'ERR_OAUTH_BODY_TIMEOUT')
  socket.destroy()
})

test('a part that fails is a fault of ours: nothing is issued, and the client may come again', async (t) => {
  const stage = await createStage(t, {
    runtime: {
      randomBytes: (): never => {
        throw new Error('no entropy')
      },
    },
  })
  const { post } = await run(t, stage, { clients: [certificateClient(ORDERS)] })
  const answer = await post('/token', BODY, stage.orders)
  assert.equal(answer.status, 503)
  assert.equal(answer.json['error'], 'temporarily_unavailable')
  assert.equal(answer.text.includes('entropy'), false)
  assert.equal(lastCode(stage), 'ERR_OAUTH_FAULT')
})

test('a key that is revoked signs nothing that is given away', async (t) => {
  const { stage, post } = await start(t)
  const { keys, revocations } = stage.core
  await keys.close()
  const nowMs = stage.mesh.clock.nowMs()
  const entry = { kind: 'key', id: keys.kid, issuedBeforeMs: Number.POSITIVE_INFINITY, untilMs: nowMs + 1e7 } as const
  await revocations.revoke([{ ...entry, revokedAtMs: nowMs, reason: 'key-compromise' }])
  assert.equal((await post('/token', BODY, stage.orders)).status, 503)
  assert.equal(lastCode(stage), 'ERR_STATE_UNAVAILABLE')
})
