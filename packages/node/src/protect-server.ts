import type { EventEmitter } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Http2ServerRequest, type Http2ServerResponse, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import type { Duplex } from 'node:stream'
import { MisuseError } from '@countersign/core'
import type { Guard } from '@countersign/guard'
import type { NodeResponse } from './carry-out.js'
import type { NodeRequest } from './connection.js'
import { guardExchange, guardStream, guardStreamTunnel, guardTunnel } from './guard-events.js'
import { type Interceptor, interceptEvents } from './intercept-events.js'
import { CUTS_CALLERS_OFF, cutsCallersOff, hasStreamHandler, markProtected } from './server-misuse.js'

/**
 * Puts a guard in front of what no middleware ever sees: `upgrade` (WebSocket), `CONNECT`, `Expect: 100-continue` and other
 * expectations, and handlers of HTTP/2's `stream` event. Handlers that are added later are covered too. Ordinary requests are left to
 * the middleware, which does not decide a second time what was decided here.
 *
 * A refused upgrade gets its answer on the wire; an upgraded connection is closed within about a second once its caller stops being
 * true. A caller that expects `100 Continue` and is refused is never told to send its body.
 * @param server of `node:http`, `node:https` or `node:http2`.
 * @returns the server.
 * @example
 * const server = protectServer(https.createServer({ cert, key, ca, requestCert: true, rejectUnauthorized: false }, app), guard)
 * @throws {MisuseError} `ERR_OPTION_CONTRADICTION` if the guard wants client certificates and the TLS server does not ask for any, or
 * cuts off by itself who brings none that it knows.
 */
export function protectServer<Server extends EventEmitter>(server: Server, guard: Guard): Server {
  if (guard.certificateRequest !== null && (server as { readonly requestCert?: unknown }).requestCert === false) {
    throw new MisuseError(
      'ERR_OPTION_CONTRADICTION',
      'server.requestCert',
      'is off, and the guard asks for client certificates: create the server with { requestCert: true, rejectUnauthorized: false }, or by secureServer()',
    )
  }
  if (guard.certificateRequest !== null && cutsCallersOff(server))
    throw new MisuseError('ERR_OPTION_CONTRADICTION', 'server.rejectUnauthorized', CUTS_CALLERS_OFF)
  if (markProtected(server, guard)) interceptEvents(server, eventsBesideRequests(server, guard))
  return server
}

/** As {@link protectServer}, and ordinary requests too: nothing on this server runs undecided. */
export function protectWholeServer(server: EventEmitter, guard: Guard): void {
  markProtected(server, guard)
  const request: Interceptor = ([req, res], proceed) => guardExchange(guard, req as NodeRequest, res as NodeResponse, proceed)
  interceptEvents(server, new Map([...eventsBesideRequests(server, guard), ['request', request]]))
}

function eventsBesideRequests(server: EventEmitter, guard: Guard): ReadonlyMap<string, Interceptor> {
  // With this listener Node leaves `100 Continue` to us, so that it is sent after the decision.
  server.on('checkContinue', (req: IncomingMessage, res: ServerResponse) => {
    if (server.listenerCount('checkContinue') > 1) return
    res.writeContinue()
    server.emit('request', req, res)
  })
  const exchange: Interceptor = ([req, res], proceed) => guardExchange(guard, req as NodeRequest, res as NodeResponse, proceed)
  const tunnel: Interceptor = ([req, answer], proceed) => {
    if (req instanceof Http2ServerRequest) guardStreamTunnel(guard, req, answer as Http2ServerResponse, proceed)
    else guardTunnel(guard, req as IncomingMessage, answer as Duplex, proceed)
  }
  const stream: Interceptor = ([opened, headers, , rawHeaders], proceed) => {
    if (hasStreamHandler(server))
      guardStream(guard, opened as ServerHttp2Stream, headers as IncomingHttpHeaders, rawHeaders as string[], proceed)
    else proceed()
  }
  return new Map([
    ['upgrade', tunnel],
    ['connect', tunnel],
    ['checkContinue', exchange],
    ['checkExpectation', exchange],
    ['stream', stream],
  ])
}
