import type { Connection, Decision } from '@countersign/core'
import type { Guard } from '@countersign/guard'
import type { NodeRequest } from './connection.js'
import { inboundFrom } from './inbound.js'
import { removeIgnoredFields } from './remove-fields.js'
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
  if (decision instanceof Promise) return decision.then((made) => finish(guard, req, inbound.connection, made))
  return finish(guard, req, inbound.connection, decision)
}

function finish(guard: Guard, req: NodeRequest, connection: Connection, decision: Decision): Decision {
  if (decision.allowed) removeIgnoredFields(req, decision)
  else noticeUnencrypted(guard, req, connection, decision)
  return decision
}
