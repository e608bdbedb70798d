import { countersign, createGuard, secureServer } from '@countersign/koa'
import Koa from 'koa'

const guard = createGuard({
  mtls: { trust: 'ca.pem' },
  jwt: null,
  authorize: ['spiffe://prod.example/orders'],
  routes: [{ path: '/health', methods: ['GET'], require: 'none' }],
})

const app = new Koa()
app.use(countersign(guard))
app.use((ctx) => {
  if (ctx.path === '/health') ctx.body = { status: 'up' }
  if (ctx.path === '/invoices') ctx.body = { hello: guard.principal(ctx).peer.spiffeId }
})

const server = secureServer({ cert: 'billing.pem', key: 'billing-key.pem', guard }, app.callback())
server.listen(Number(process.env['PORT'] ?? 8443), () => {
  const address = server.address()
  console.log(`listening on https://localhost:${typeof address === 'object' ? address?.port : address}`)
})
