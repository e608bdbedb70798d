import type { Decision } from '@countersign/core'
import type { Guard } from '@countersign/guard'
import type { NodeRequest } from './connection.js'
import { inboundFrom } from './inbound.js'
import { noticeMisuse, noticeUnencrypted } from './server-misuse.js'

/**
 * Decides one request, once: where its server or an outer router of the same guard let it through already, that grant is found again.
 * @param target the request target as it was sent.
 */
export function decideRequest(guard: Guard, req: NodeRequest, target: string): Decision | Promise<Decision> {
  return guard.attached(req) ?? decideAnew(guard, req, target)
}

/** The same for a request that is known to bear no grant. */
export function decideAnew(guard: Guard, req: NodeRequest, target: string): Decision | Promise<Decision> {
  const inbound = inboundFrom(req, target)
  noticeMisuse(guard, req, inbound.connection)
  const decision = guard.decide(inbound)
  if (decision instanceof Promise) void decision.then((made) => noticeUnencrypted(guard, req, inbound.connection, made))
  else noticeUnencrypted(guard, req, inbound.connection, decision)
  return decision
}
