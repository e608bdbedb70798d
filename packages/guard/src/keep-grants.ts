import type { Grant } from '@countersign/core'

export interface GrantKeeper {
  attach(request: object, grant: Grant): void
  grantOf(request: object): Grant | undefined
}

/**
 * Keeps each grant on its request, under a symbol of this guard alone: two guards in one process never see each other's, and a
 * property costs a hundredth of a WeakMap.
 */
export function createGrantKeeper(): GrantKeeper {
  const slot = Symbol('countersign.grant')
  const read = (holder: object): Grant | undefined => (holder as { readonly [slot]?: Grant })[slot]

  return {
    attach(request, grant) {
      ;(request as { [slot]?: Grant })[slot] = grant
    },
    grantOf(request) {
      const own = read(request)
      if (own !== undefined) return own
      // A Koa context holds Node's request as `req`, a Fastify request as `raw`.
      for (const key of ['req', 'raw'] as const) {
        const inner = (request as { readonly [name in typeof key]?: unknown })[key]
        if (typeof inner === 'object' && inner !== null) return read(inner)
      }
      return undefined
    },
  }
}
