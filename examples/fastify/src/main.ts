import { countersign, createGuard, secureServer } from '@countersign/fastify'
import Fastify from 'fastify'

const guard = createGuard({
  mtls: { trust: 'ca.pem' },
  jwt: null,
  authorize: ['spiffe://prod.example/orders'],
  routes: [{ path: '/health', methods: ['GET'], require: 'none' }],
})

const app = Fastify({ serverFactory: (listener) => secureServer({ cert: 'billing.pem', key: 'billing-key.pem', guard }, listener) })
await app.register(countersign, { guard })
app.get('/health', async () => ({ status: 'up' }))
app.get('/invoices', async (request) => ({ hello: guard.principal(request).peer.spiffeId }))

const address = await app.listen({ host: '127.0.0.1', port: Number(process.env['PORT'] ?? 8443) })
console.log(`listening on https://localhost:${new URL(address).port}`)
