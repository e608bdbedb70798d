import assert from 'node:assert/strict'
import { createHash, X509Certificate } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { createLocalJWKSet, jwtVerify } from 'jose'
import { createBench, NOW_MS } from './fake-terminal.js'

test('token is signed by the key in jwks.json and bound to the certificate of the service', async (t) => {
  const bench = createBench(t)
  await bench.run(['dev', '--for', 'orders,billing'])
  const answer = await bench.run(['token', '--for', 'orders', '--audience', 'billing', '--scope', 'a b', '--expires', '60'])
  assert.deepEqual([answer.exitCode, answer.err], [0, ''])
  assert.match(answer.out, /^[\w-]+\.[\w-]+\.[\w-]+\n$/)
  const { payload } = await jwtVerify(answer.out.trim(), createLocalJWKSet(JSON.parse(readFileSync(bench.file('jwks.json'), 'utf8'))), {
    issuer: 'https://issuer.prod.example',
    audience: 'billing',
    subject: 'spiffe://prod.example/orders',
    typ: 'at+jwt',
    currentDate: new Date(NOW_MS),
  })
  const { raw } = new X509Certificate(readFileSync(bench.file('orders.pem')))
  assert.deepEqual(payload['cnf'], { 'x5t#S256': createHash('sha256').update(raw).digest('base64url') })
  assert.deepEqual([payload['scope'], (payload.exp ?? 0) - (payload.iat ?? 0)], ['a b', 60])
})

test('token can be for several audiences, of another issuer, from another folder and bound to nothing', async (t) => {
  const bench = createBench(t)
  await bench.run(['dev', '--for', 'orders', '--out', 'certs'])
  const args = ['token', '--for', 'orders', '--audience', 'a', '--audience', 'b', '--issuer', 'https://other', '--in', 'certs', '--unbound']
  const claims = JSON.parse(Buffer.from((await bench.run(args)).out.split('.')[1] ?? '', 'base64url').toString())
  assert.deepEqual([claims.aud, claims.iss, claims.cnf], [['a', 'b'], 'https://other', undefined])
})

test('token says what is missing', async (t) => {
  const bench = createBench(t)
  const complete = ['token', '--for', 'orders', '--audience', 'billing']
  assert.match(
    (await bench.run(complete)).err,
    /^countersign token: orders\.pem is not there or cannot be read: countersign dev --for orders makes it\n$/,
  )
  for (const [args, message] of [
    [['token', '--audience', 'billing'], '--for is missing'],
    [['token', '--for', 'orders'], '--audience is missing'],
    [['token', '--for', '../orders', '--audience', 'billing'], '--for takes the name of a service'],
    [[...complete, 'extra'], "Unexpected argument 'extra'"],
  ] as const) {
    const answer = await bench.run(args)
    assert.equal(answer.exitCode, 2)
    assert.ok(answer.err.startsWith(`countersign token: ${message}`), answer.err)
  }
  await bench.run(['dev', '--for', 'orders'])
  assert.equal((await bench.run([...complete, '--expires', '3601'])).exitCode, 2)
  assert.ok(readdirSync(bench.folder).includes('orders.pem'))
})
