import { createGuard, secureHttp2Server } from '@countersign/node'

const guard = createGuard({
  mtls: { trust: 'ca.pem' },
  jwt: null,
  authorize: ['spiffe://prod.example/orders'],
  routes: [{ path: '/health', methods: ['GET'], require: 'none' }],
})

const server = secureHttp2Server({ cert: 'billing.pem', key: 'billing-key.pem', guard }, (req, res) => {
  res.setHeader('Content-Type', 'application/json')
  res.end(JSON.stringify(req.url === '/health' ? { status: 'up' } : { hello: guard.principal(req).peer.spiffeId }))
})
server.listen(Number(process.env['PORT'] ?? 8443), () => {
  const address = server.address()
  console.log(`listening on https://localhost:${typeof address === 'object' ? address?.port : address}`)
})
