import { type Decision, type Grant, kindOf, MisuseError } from '@countersign/core'
import { type Guard, type GuardOptions, toGuard } from '@countersign/guard'
import { carryOut, type NodeResponse } from './carry-out.js'
import type { NodeRequest } from './connection.js'
import { decideAnew } from './decide-request.js'

/** A request listener of node:http, https or http2. */
export type Listener<Req extends NodeRequest = NodeRequest, Res extends NodeResponse = NodeResponse> = (req: Req, res: Res) => void

/** A guarded listener, and the guard that stands in front of it. */
export type GuardedListener<Req extends NodeRequest, Res extends NodeResponse> = Listener<Req, Res> & { readonly guard: Guard }

/**
 * Puts a guard in front of a request listener.
 * @example
 * https.createServer(tls, countersign(guard, (req, res) => res.end(`hello ${guard.principal(req).id}`)))
 * @throws {MisuseError} naming the option that is missing, unknown or contradictory.
 */
export function countersign<Req extends NodeRequest, Res extends NodeResponse>(
  guard: GuardOptions | Guard,
  listener: Listener<Req, Res>,
): GuardedListener<Req, Res> {
  const given: unknown = listener
  if (typeof given !== 'function') {
    throw new MisuseError(
      'ERR_OPTION_INVALID',
      'listener',
      `takes what it stands in front of, not ${kindOf(given)}: write countersign(guard, (req, res) => …); as a middleware it is exported by @countersign/express and @countersign/koa, as a plugin by @countersign/fastify`,
    )
  }
  const made = toGuard(guard)
  return Object.assign((req: Req, res: Res) => guardRequest(made, req, res, req.url ?? '', () => listener(req, res)), { guard: made })
}

/**
 * Lets one request go on or answers it with its denial. Where its server or an outer router of the same guard let it through already,
 * it goes on.
 * @param target the request target as it was sent.
 */
export function guardRequest(guard: Guard, req: NodeRequest, res: NodeResponse, target: string, proceed: (grant: Grant) => void): void {
  const earlier = guard.attached(req)
  if (earlier !== undefined) {
    goOn(guard, earlier, proceed)
    return
  }
  const decision = decideAnew(guard, req, target)
  if (decision instanceof Promise) {
    decision.then((made) => {
      if (!isGone(req)) carryOn(guard, made, req, res, proceed)
    })
    return
  }
  carryOn(guard, decision, req, res, proceed)
}

function carryOn(guard: Guard, decision: Decision, req: NodeRequest, res: NodeResponse, proceed: (grant: Grant) => void): void {
  if (carryOut(guard, decision, req, res)) goOn(guard, decision, proceed)
}

function goOn(guard: Guard, grant: Grant, proceed: (grant: Grant) => void): void {
  if (guard.asyncContext) guard.run(grant, () => proceed(grant))
  else proceed(grant)
}

// Who resets streams as fast as he opens them gets no handler to run for those that are gone already.
function isGone(req: NodeRequest): boolean {
  return 'stream' in req ? req.stream === undefined || req.stream.destroyed : req.socket.destroyed
}
