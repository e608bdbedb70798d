import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import type { Decision, Principal } from '@countersign/core'
import { type Guard, type GuardOptions, toGuard } from '@countersign/guard'
import { decideRequest, denialHeaders } from '@countersign/node'
import type { DefaultState } from 'koa'

/** What of Koa's context is used: the same in Koa 2 and 3. */
export interface KoaContext {
  readonly req: IncomingMessage | Http2ServerRequest
  readonly res: ServerResponse | Http2ServerResponse
  readonly originalUrl: string
  readonly state: DefaultState
  status: number
  body: unknown
  set(fields: { [name: string]: string }): void
}

/** A middleware of Koa 2 and 3, and the guard that it carries out. */
export interface KoaMiddleware {
  (ctx: KoaContext, next: () => Promise<unknown>): Promise<unknown>
  readonly guard: Guard
}

declare module 'koa' {
  interface DefaultState {
    /** Set by Countersign. `undefined` where no guard stood in front. */
    principal?: Principal
  }
}

/**
 * The one line: `app.use(countersign({ mtls: { trust: 'ca.pem' }, jwt: null, authorize: ['spiffe://prod.example/orders'] }))`.
 * Put it first, in front of every body parser and router. Handlers find the caller as `ctx.state.principal`.
 * @throws {MisuseError} naming the option that is missing, unknown or contradictory.
 */
export function countersign(guard: GuardOptions | Guard): KoaMiddleware {
  const made = toGuard(guard)

  function middleware(ctx: KoaContext, next: () => Promise<unknown>): Promise<unknown> {
    const decision = decideRequest(made, ctx.req, ctx.originalUrl)
    return decision instanceof Promise ? decision.then((cold) => carryOut(ctx, cold, next)) : carryOut(ctx, decision, next)
  }

  function carryOut(ctx: KoaContext, decision: Decision, next: () => Promise<unknown>): Promise<unknown> {
    if (decision.allowed) {
      made.attach(ctx.req, decision)
      ctx.state.principal = decision.principal
      ctx.set(decision.headers)
      return made.run(decision, next)
    }
    ctx.status = decision.status
    ctx.body = decision.body
    // After the body, whose kind Koa would guess.
    ctx.set(denialHeaders(made, decision, ctx.req))
    return Promise.resolve()
  }

  return Object.assign(middleware, { guard: made })
}
