import { countersign, createGuard, secureServer } from '@countersign/express'
import express from 'express'

const guard = createGuard({
  mtls: { trust: 'ca.pem' },
  jwt: null,
  authorize: ['spiffe://prod.example/orders'],
  routes: [{ path: '/health', methods: ['GET'], require: 'none' }],
})

const app = express()
app.use(countersign(guard))
app.get('/health', (_req, res) => {
  res.json({ status: 'up' })
})
app.get('/invoices', (req, res) => {
  res.json({ hello: guard.principal(req).peer.spiffeId })
})

const server = secureServer({ cert: 'billing.pem', key: 'billing-key.pem', guard }, app)
server.listen(Number(process.env['PORT'] ?? 8443), () => {
  const address = server.address()
  console.log(`listening on https://localhost:${typeof address === 'object' ? address?.port : address}`)
})
