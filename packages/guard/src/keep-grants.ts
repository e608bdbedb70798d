import type { Grant } from '@countersign/core'

export interface GrantKeeper {
  attach(request: object, grant: Grant): void
  grantOf(request: object): Grant | undefined
}

interface Holder {
  readonly rawHeaders?: object
  readonly req?: { readonly rawHeaders?: object }
  readonly raw?: { readonly rawHeaders?: object }
}

/**
 * Keeps each grant with its request, under a symbol of this guard alone: two guards in one process never see each other's. It is kept
 * on the raw header list, of which every request has one of its own: Express changes the prototype of its requests, and from then on
 * each property that is added to one costs microseconds.
 */
export function createGrantKeeper(): GrantKeeper {
  const slot = Symbol('countersign.grant')
  const read = (holder: object): Grant | undefined => (holder as { readonly [slot]?: Grant })[slot]

  return {
    attach(request, grant) {
      const holder = (request as Holder).rawHeaders ?? request
      ;(holder as { [slot]?: Grant })[slot] = grant
    },
    grantOf(request) {
      const { rawHeaders } = request as Holder
      if (rawHeaders !== undefined) return read(rawHeaders)
      // A Koa context holds Node's request as `req`, a Fastify request as `raw`; a stream or a header list is its own holder.
      const inner = (request as Holder).req?.rawHeaders ?? (request as Holder).raw?.rawHeaders
      return read(inner ?? request)
    },
  }
}
