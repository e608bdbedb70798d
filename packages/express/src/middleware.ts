import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Principal } from '@countersign/core'
import { type Guard, type GuardOptions, toGuard } from '@countersign/guard'
import { guardRequest } from '@countersign/node'
import { definePrincipal, setPrincipal } from './request-principal.js'

/** A middleware of Express 4 and 5, and the guard that it carries out. */
export interface ExpressMiddleware {
  (req: IncomingMessage, res: ServerResponse, next: (error?: unknown) => void): void
  readonly guard: Guard
}

declare global {
  namespace Express {
    interface Request {
      /** Set by Countersign. `undefined` where no guard stood in front. */
      readonly principal?: Principal
    }
  }
}

/**
 * The one line: `app.use(countersign({ mtls: { trust: 'ca.pem' }, jwt: null, authorize: ['spiffe://prod.example/orders'] }))`.
 * Put it first, in front of every body parser and router.
 * @throws {MisuseError} naming the option that is missing, unknown or contradictory.
 */
export function countersign(guard: GuardOptions | Guard): ExpressMiddleware {
  const made = toGuard(guard)
  let prepared: object | null = null

  function middleware(req: IncomingMessage & { originalUrl?: string }, res: ServerResponse, next: (error?: unknown) => void): void {
    // A mounted router strips `req.url`; what was sent stands in `originalUrl`.
    guardRequest(made, req, res, req.originalUrl ?? req.url ?? '', ({ principal }) => {
      const prototype: object = Object.getPrototypeOf(req)
      if (prototype !== prepared) prepared = definePrincipal(prototype)
      setPrincipal(req, principal)
      next()
    })
  }
  return Object.assign(middleware, { guard: made })
}
