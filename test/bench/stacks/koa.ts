import { createServer } from 'node:https'
import type { TLSSocket } from 'node:tls'
import Koa from 'koa'
import { ENDLESS } from '../guard-options.js'
import { AUDIENCE, CALLER_COMMON_NAME, ISSUER } from '../names.js'
import { INVOICES, issuerKey, type Stack, tlsOptions } from './stack.js'

export const koaStack: Stack = async (protection, credentials) => {
  const app = new Koa()
  if (protection.kind === 'empty') app.use((_ctx, next) => next())
  if (protection.kind === 'countersign') {
    const { countersign } = await import('@countersign/koa')
    app.use(countersign(protection.options))
  }
  if (protection.kind === 'peers') {
    const { default: jwt } = await import('koa-jwt')
    const { default: ratelimit } = await import('koa-ratelimit')
    app.use(async (ctx, next) => {
      const socket = ctx.req.socket as TLSSocket
      if (!socket.authorized || socket.getPeerCertificate().subject.CN !== CALLER_COMMON_NAME) ctx.throw(401)
      await next()
    })
    // Its types know no KeyObject, but jsonwebtoken below it does, and it is the cheapest for it.
    const secret = issuerKey(credentials) as unknown as Buffer
    app.use(jwt({ secret, algorithms: ['RS256'], issuer: ISSUER, audience: AUDIENCE }))
    app.use(
      ratelimit({
        driver: 'memory',
        db: new Map(),
        duration: ENDLESS.windowSeconds * 1000,
        max: ENDLESS.quota,
        id: (ctx) => ctx.state['user'].sub,
      }),
    )
  }
  app.use((ctx) => {
    if (ctx.method === 'GET' && ctx.path === '/invoices') ctx.body = INVOICES
  })
  return createServer(tlsOptions(credentials), app.callback())
}
