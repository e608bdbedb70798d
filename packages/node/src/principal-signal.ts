import type { EventEmitter } from 'node:events'
import { MisuseError } from '@countersign/core'
import type { Guard } from '@countersign/guard'

/**
 * A signal that aborts when the caller of a request stops being true (certificate expired or revoked, token revoked, guard closed),
 * at most a second later, with the denial as its reason: for what outlives its request, such as event streams and WebSockets.
 * @param request Node's, Express's or Fastify's request, or a Koa context.
 * @param until what the request lasts for: its response, or the socket of an upgrade. Its `close` ends the watch.
 * @example
 * principalSignal(guard, req, res).addEventListener('abort', () => res.end())
 * @throws {MisuseError} `ERR_NOT_GUARDED` if the guard did not let the request through.
 */
export function principalSignal(guard: Guard, request: object, until: EventEmitter): AbortSignal {
  const grant = guard.attached(request)
  if (grant === undefined)
    throw new MisuseError('ERR_NOT_GUARDED', '', 'this request did not pass this guard: put countersign(guard) in front of the handler')
  const signal = guard.watch(grant)
  // What is over already does not say so again, and would be watched for ever.
  if (isOver(until)) guard.end(grant)
  else until.once('close', () => guard.end(grant))
  return signal
}

/** A response of HTTP/2 says it of its stream alone. */
function isOver({
  closed,
  stream,
}: EventEmitter & { readonly closed?: boolean; readonly stream?: { readonly closed?: boolean } }): boolean {
  return closed === true || stream?.closed === true
}
