import type { Decision, Grant } from '@countersign/core'
import type { Guard } from '@countersign/guard'
import type { NodeRequest } from './connection.js'
import { inboundFrom } from './inbound.js'
import { noticeMisuse } from './server-misuse.js'

/**
 * Decides one request, once: where its server or an outer router of the same guard let it through already, that grant is found again.
 * @param target the request target as it was sent.
 */
export function decideRequest(guard: Guard, req: NodeRequest, target: string): Decision | Promise<Decision> {
  const earlier = earlierGrant(guard, req)
  if (earlier !== undefined) return earlier
  const inbound = inboundFrom(req, target)
  noticeMisuse(guard, req, inbound.connection)
  return guard.decide(inbound)
}

function earlierGrant(guard: Guard, req: NodeRequest): Grant | undefined {
  const own = guard.attached(req)
  if (own !== undefined || !('stream' in req) || req.stream === undefined) return own
  // An HTTP/2 server with handlers of its own for streams has decided on the stream that this request was made of.
  return guard.attached(req.stream)
}
