import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clientOf, createStage, eventsOf, openTls, serve } from './stage.js'

const stage = createStage()
const { mesh, orders } = stage
const GOOD = '/invoices'
const BAD = '/admin'

/** Fields that proxies and frameworks take for another target, method, host, address or caller. */
const FORGED: readonly (readonly [name: string, value: string])[] = [
  ['X-Original-URL', GOOD],
  ['X-Rewrite-URL', GOOD],
  ['X-Envoy-Original-Path', GOOD],
  ['X-Forwarded-Uri', GOOD],
  ['X-Forwarded-Prefix', GOOD],
  ['X-HTTP-Method-Override', 'GET'],
  ['X-Forwarded-Host', 'localhost'],
  ['X-Forwarded-For', '203.0.113.9'],
  ['Forwarded', 'for=203.0.113.9;host=localhost;proto=https'],
  ['X-Forwarded-Client-Cert', `URI=${orders.id}`],
  ['Client-Cert', `:${Buffer.from(orders.certificateDer).toString('base64')}:`],
  ['X-SSL-Client-Cert', orders.certificatePem.replaceAll('\n', ' ')],
  ['X-SSL-Client-Verify', 'SUCCESS'],
  ['X-Spiffe-Id', orders.id],
  ['__proto__', orders.id],
  ['constructor', orders.id],
]

for (const [name, value] of FORGED) {
  test(`${name} changes neither who calls, from where, nor what is asked for`, async (t) => {
    const recorder = eventsOf()
    const { port, call } = await serve(t, stage, { authorize: [{ callers: orders.id, methods: 'GET', paths: GOOD }], audit: recorder })
    // On the wire, since clients have their own ideas of names such as __proto__.
    const said = async (as: typeof orders | null, line: string, host = 'localhost'): Promise<string> => {
      const socket = await openTls(t, clientOf(mesh, port, as))
      socket.write(`${line} HTTP/1.1\r\nHost: ${host}\r\n${name}: ${value}\r\nConnection: close\r\n\r\n`)
      const chunks: Uint8Array[] = []
      for await (const chunk of socket) chunks.push(chunk as Uint8Array)
      return /"code":"([A-Z_]+)"/.exec(Buffer.concat(chunks).toString())?.[1] ?? 'let in'
    }
    assert.equal(await said(orders, `GET ${GOOD}`), 'let in')
    assert.equal(await said(orders, `GET ${BAD}`), 'ERR_FORBIDDEN')
    assert.equal(await said(orders, `POST ${GOOD}`), 'ERR_FORBIDDEN')
    assert.equal(await said(orders, `GET ${GOOD}`, 'other.example'), 'ERR_MISDIRECTED')
    assert.equal(await said(null, `GET ${GOOD}`), 'ERR_PEER_MISSING')
    assert.equal((await call({ as: orders, path: GOOD })).said, orders.id)
    for (const { kind, facts } of recorder.events) if (kind === 'request.denied') assert.equal(facts['remoteAddress'], '127.0.0.1')
  })
}

test('a field that Connection names is read all the same: nobody drops a bad token that way', async (t) => {
  const jwt = mesh.jwt({ audience: 'billing', binding: 'if-bound' })
  const { call } = await serve(t, stage, { jwt, require: 'any' })
  const headers = { connection: 'close, authorization, host' }
  assert.equal((await call({ as: orders, headers })).said, orders.id)
  assert.equal((await call({ as: orders, headers, token: 'bad' })).said, 'ERR_TOKEN_MALFORMED')
})

test('a token is taken from no other field, nor from the query or a cookie', async (t) => {
  const jwt = mesh.jwt({ audience: 'billing', binding: 'if-bound' })
  const token = mesh.token({ audience: 'billing' })
  const { call } = await serve(t, stage, { mtls: null, jwt })
  assert.equal((await call({ token })).status, 200)
  for (const headers of [
    { 'proxy-authorization': `Bearer ${token}` },
    { 'x-access-token': token },
    { 'x-forwarded-authorization': `Bearer ${token}` },
    { authorization_: `Bearer ${token}` },
    { cookie: `access_token=${token}; token=${token}; authorization=Bearer ${token}` },
    { 'sec-websocket-protocol': `bearer, ${token}` },
  ])
    assert.equal((await call({ headers })).said, 'ERR_TOKEN_MISSING', Object.keys(headers)[0])
  assert.equal((await call({ path: `/?access_token=${token}&token=${token}` })).said, 'ERR_TOKEN_MISSING')
})
