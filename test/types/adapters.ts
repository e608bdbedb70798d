// Compiled, never run: what users of each framework see of a principal, with the types of the framework that they have.
import type { Principal } from '@countersign/core'
import { countersign as forExpress } from '@countersign/express'
import { countersign as forFastify } from '@countersign/fastify'
import { createGuard } from '@countersign/guard'
import { countersign as forKoa } from '@countersign/koa'
import express from 'express'
import Fastify from 'fastify'
import Koa from 'koa'

const guard = createGuard({ mtls: { trust: 'ca.pem' }, jwt: null, authorize: 'any-authenticated' })

export function onExpress(): void {
  const app = express()
  app.use(forExpress(guard))
  app.get('/', (req, res) => {
    const principal: Principal | undefined = req.principal
    // @ts-expect-error there may be no guard in front
    req.principal.id
    // @ts-expect-error nobody sets it but the guard
    req.principal = principal
    res.send(guard.principal(req).peer.spiffeId)
  })
}

export function onKoa(): void {
  const app = new Koa()
  app.use(forKoa(guard))
  app.use(async (ctx) => {
    const principal: Principal | undefined = ctx.state.principal
    // @ts-expect-error there may be no guard in front
    ctx.state.principal.id
    ctx.body = [principal?.id, guard.principal(ctx).peer.spiffeId]
  })
}

export async function onFastify(): Promise<void> {
  const app = Fastify()
  await app.register(forFastify, { guard })
  app.get('/', async (request) => {
    const principal: Principal | null = request.principal
    // @ts-expect-error the route may be one that takes anonymous callers
    request.principal.id
    return [principal?.id, guard.principal(request).peer.spiffeId]
  })
}
