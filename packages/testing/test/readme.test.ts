import assert from 'node:assert/strict'
import { test } from 'node:test'
import { countersign } from '@countersign/express'
import { createTestMesh, fakeTlsSocket, inject } from '@countersign/testing'
import express from 'express'

const mesh = createTestMesh('prod.example')
const orders = mesh.workload('/orders')
const app = express()
  .use(countersign({ mtls: { trust: mesh.trust }, jwt: null, authorize: [orders.id], runtime: { clock: mesh.clock } }))
  .get('/invoices', (req, res) => {
    res.send(req.principal?.id)
  })

test('lets orders read invoices', async () => {
  const response = await inject(app, { path: '/invoices', peer: orders })
  assert.equal(response.text, 'spiffe://prod.example/orders')
})

test('refuses a caller without a certificate', async () => {
  const response = await inject(app, { path: '/invoices', socket: fakeTlsSocket({ peer: null, resumed: true }) })
  assert.equal(response.problem?.code, 'ERR_PEER_MISSING')
})

test('refuses a certificate that expires on an open connection', async () => {
  const socket = fakeTlsSocket({ peer: mesh.workload('/orders', { validSeconds: 60 }) })
  assert.equal((await inject(app, { path: '/invoices', socket })).status, 200)
  mesh.clock.advanceSeconds(120)
  assert.equal((await inject(app, { path: '/invoices', socket })).problem?.code, 'ERR_PEER_EXPIRED')
})
