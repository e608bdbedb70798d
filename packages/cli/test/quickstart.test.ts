import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { createGuard } from '@countersign/guard'
import { secureServer } from '@countersign/node'
import { createBench } from './fake-terminal.js'

const exec = promisify(execFile)

test('the lines that dev prints work: a server, curl with the certificate, and a bound token', async (t) => {
  const bench = createBench(t)
  const now = { nowMs: () => Date.now() }
  const { out } = await bench.run(['dev', '--for', 'billing,orders,shipping'], now)
  const guard = createGuard({
    mtls: { trust: bench.file('ca.pem') },
    jwt: {
      issuer: 'https://issuer.prod.example',
      audience: 'billing',
      keys: { file: bench.file('jwks.json') },
      subjects: [{ trustDomain: 'prod.example' }],
    },
    authorize: ['spiffe://prod.example/shipping'],
    audit: null,
  })
  const server = secureServer({ cert: bench.file('billing.pem'), key: bench.file('billing-key.pem'), guard }, (req, res) => {
    res.end(`hello ${guard.principal(req).id}`)
  })
  t.after(async () => {
    server.close()
    server.closeAllConnections()
    await guard.close()
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const port = String((server.address() as AddressInfo).port)

  const line = out.split('\n').find((text) => text.trim().startsWith('curl ')) ?? ''
  const curl = line.trim().replace(':8443', `:${port}`).split(' ').slice(1)
  const ask = async (args: readonly string[], token: string) =>
    (await exec('curl', ['--silent', '--show-error', '-H', `Authorization: Bearer ${token.trim()}`, ...args], { cwd: bench.folder })).stdout
  const tokenFor = async (name: string) => (await bench.run(['token', '--for', name, '--audience', 'billing'], now)).out

  assert.equal(await ask(curl, await tokenFor('shipping')), 'hello spiffe://prod.example/shipping')
  assert.match(await ask(curl, await tokenFor('orders')), /"ERR_TOKEN_BINDING"/)
  const asOrders = curl.map((arg) => arg.replace('shipping', 'orders'))
  assert.match(await ask(asOrders, await tokenFor('orders')), /"ERR_FORBIDDEN"/)
  assert.match(await ask(asOrders.slice(0, 2).concat(asOrders.slice(-1)), await tokenFor('orders')), /"ERR_PEER_MISSING"/)
})
