import type { Server } from 'node:https'
import { createGuard, countersign as expressGuard, type Guard, secureServer } from '@countersign/express'
import { countersign as fastifyGuard } from '@countersign/fastify'
import { createDevAuthority, createTokenSigner, type IssuedCertificate, type TokenSigner, writeCredential } from '@countersign/issuer'
import { countersign as koaGuard } from '@countersign/koa'
import express from 'express'
import Fastify from 'fastify'
import Koa from 'koa'

/** Three services, three frameworks, one trust domain. */
export interface Mesh {
  readonly ca: string
  readonly services: readonly RunningService[]
  readonly signer: TokenSigner
  /** Certificates of callers: two of the mesh, and one of an authority that nobody here trusts. */
  readonly callers: Readonly<Record<'orders' | 'shop' | 'stranger', IssuedCertificate>>
  close(): Promise<void>
}

export interface RunningService {
  readonly name: string
  readonly framework: string
  readonly enforces: string
  readonly port: number
}

interface Started {
  readonly service: RunningService
  readonly guard: Guard
  readonly server: Server
}

const TRUST_DOMAIN = 'demo.example'
const ORDERS = `spiffe://${TRUST_DOMAIN}/orders`
const ISSUER = `https://issuer.${TRUST_DOMAIN}`

/**
 * Starts the mesh on loopback, with certificates made just now.
 * @param folder where certificates and keys are written; the caller removes it.
 */
export async function startMesh(folder: string): Promise<Mesh> {
  const authority = createDevAuthority({ trustDomain: TRUST_DOMAIN })
  const signer = createTokenSigner({ issuer: ISSUER, algorithm: 'RS256', expiresInSeconds: 300 })
  const trust = writeCredential(folder, 'ca', { chainPem: authority.certificatePem, keyPem: authority.keyPem }).certificateFile
  const issue = (name: string): IssuedCertificate =>
    authority.issue({ spiffeId: `spiffe://${TRUST_DOMAIN}/${name}`, dns: [name, 'localhost'], ip: ['127.0.0.1'] })
  const jwt = (audience: string) => ({ issuer: ISSUER, audience, keys: { jwks: signer.jwks().keys } })
  const audit = null // The demo prints the decisions itself.

  function serverFor(name: string, guard: Guard, listener: Parameters<typeof secureServer>[1]): Server {
    const { certificateFile, keyFile } = writeCredential(folder, name, issue(name))
    return secureServer({ cert: certificateFile, key: keyFile, guard }, listener)
  }

  // billing: certificates only; one caller, and only to read.
  const billingGuard = createGuard({
    mtls: { trust },
    jwt: null,
    authorize: [{ callers: ORDERS, methods: 'GET', paths: [{ under: '/invoices' }, '/invoices'] }],
    routes: [{ path: '/health', methods: ['GET'], require: 'none' }],
    audit,
  })
  const billing = express()
    .use(expressGuard(billingGuard))
    .get('/health', (_req, res) => void res.json({ status: 'up' }))
    .get('/invoices', (req, res) => void res.json({ invoices: 3, for: billingGuard.principal(req).peer.spiffeId }))

  // ledger: a certificate and a token bound to it, with the scope to write.
  const ledgerGuard = createGuard({
    mtls: { trust },
    jwt: jwt('ledger'),
    authorize: [{ callers: ORDERS, scopes: ['ledger:write'], methods: 'POST', paths: '/entries' }],
    audit,
  })
  const ledger = new Koa().use(koaGuard(ledgerGuard)).use((ctx) => {
    ctx.body = { booked: true, for: ledgerGuard.principal(ctx).token.subject }
  })

  // stock: anybody of the mesh, but no more than three requests at once and one a second.
  const stockGuard = createGuard({
    mtls: { trust },
    jwt: null,
    authorize: [{ callers: { trustDomain: TRUST_DOMAIN } }],
    limit: { perCaller: { quota: 1, windowSeconds: 1, burst: 3 } },
    audit,
  })
  const stock = Fastify({ serverFactory: (listener) => serverFor('stock', stockGuard, listener) })
  await stock.register(fastifyGuard, { guard: stockGuard })
  stock.get('/items', async (request) => ({ items: 42, for: stockGuard.principal(request).id }))
  await stock.ready()

  const started: Started[] = [
    await listen('billing', 'Express', billingGuard, serverFor('billing', billingGuard, billing)),
    await listen('ledger', 'Koa', ledgerGuard, serverFor('ledger', ledgerGuard, ledger.callback())),
    await listen('stock', 'Fastify', stockGuard, stock.server as Server),
  ]
  const orders = issue('orders')
  writeCredential(folder, 'orders', orders)
  return {
    ca: authority.certificatePem,
    services: started.map(({ service }) => service),
    signer,
    callers: {
      orders,
      shop: issue('shop'),
      stranger: createDevAuthority({ trustDomain: TRUST_DOMAIN }).issue({ spiffeId: ORDERS }),
    },
    async close() {
      for (const { guard, server } of started) {
        server.close()
        server.closeAllConnections()
        await guard.close()
      }
    },
  }
}

async function listen(name: string, framework: string, guard: Guard, server: Server): Promise<Started> {
  await guard.ready()
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error(`${name} has no port`)
  return { service: { name, framework, enforces: guard.toString(), port: address.port }, guard, server }
}
