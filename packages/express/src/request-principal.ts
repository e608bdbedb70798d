import type { IncomingMessage } from 'node:http'
import type { Principal } from '@countersign/core'

const PRINCIPAL = Symbol('countersign.principal')

interface Holder {
  [PRINCIPAL]?: Principal
}

/**
 * Defines `principal` once on what an Express app makes its requests of. To set it on each request would cost more than all the rest:
 * Express has changed the prototype of the request, and from then on every property that is added makes a hidden class of its own.
 * @returns `prototype`.
 */
export function definePrincipal(prototype: object): object {
  // Only an Express app's own: Node's prototype is everybody's.
  if (!('app' in prototype) || 'principal' in prototype) return prototype
  return Object.defineProperty(prototype, 'principal', {
    configurable: true,
    enumerable: true,
    get(this: IncomingMessage): Principal | undefined {
      return (this.rawHeaders as Holder | undefined)?.[PRINCIPAL]
    },
  })
}

export function setPrincipal(req: IncomingMessage, principal: Principal): void {
  ;(req.rawHeaders as Holder)[PRINCIPAL] = principal
}
