import type { Server } from 'node:https'
import type { TLSSocket } from 'node:tls'
import fastify from 'fastify'
import { ENDLESS } from '../guard-options.js'
import { AUDIENCE, CALLER_COMMON_NAME, ISSUER } from '../names.js'
import { INVOICES, issuerKey, type Stack, tlsOptions } from './stack.js'

export const fastifyStack: Stack = async (protection, credentials) => {
  const app = fastify<Server>({ https: tlsOptions(credentials) })
  if (protection.kind === 'empty') app.addHook('onRequest', (_request, _reply, done) => done())
  if (protection.kind === 'countersign') {
    const { countersign } = await import('@countersign/fastify')
    await app.register(countersign, protection.options)
  }
  if (protection.kind === 'peers') {
    const { default: jwt } = await import('@fastify/jwt')
    const { default: rateLimit } = await import('@fastify/rate-limit')
    await app.register(jwt, {
      secret: { public: issuerKey(credentials).export({ type: 'spki', format: 'pem' }).toString() },
      verify: { algorithms: ['RS256'], allowedIss: ISSUER, allowedAud: AUDIENCE, cache: protection.way === 'with-token-cache' },
    })
    app.addHook('onRequest', async (request, reply) => {
      const socket = request.raw.socket as TLSSocket
      if (!socket.authorized || socket.getPeerCertificate().subject.CN !== CALLER_COMMON_NAME) return reply.code(401).send()
      await request.jwtVerify()
    })
    await app.register(rateLimit, {
      hook: 'preHandler',
      max: ENDLESS.quota,
      timeWindow: ENDLESS.windowSeconds * 1000,
      keyGenerator: (request) => (request.user as { readonly sub: string }).sub,
    })
  }
  app.get('/invoices', async () => INVOICES)
  await app.ready()
  return app.server
}
