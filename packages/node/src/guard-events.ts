import type { IncomingMessage } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse, IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import type { Duplex } from 'node:stream'
import type { Decision, Denial, Grant } from '@countersign/core'
import type { Guard } from '@countersign/guard'
import { denyStream, type NodeResponse } from './carry-out.js'
import { connectionOf, type NodeRequest, type StreamRequest } from './connection.js'
import { denySocket, ignore } from './deny-socket.js'
import { inboundFrom } from './inbound.js'
import { guardRequest } from './listener.js'
import { principalSignal } from './principal-signal.js'
import { removeIgnoredFields } from './remove-fields.js'
import { noticeUnencrypted } from './server-misuse.js'

/** `request`, `checkContinue` and `checkExpectation`: there is a response to answer with. */
export function guardExchange(guard: Guard, req: NodeRequest, res: NodeResponse, proceed: () => void): void {
  guardRequest(guard, req, res, req.url ?? '', proceed)
}

/** `upgrade` and `connect` of HTTP/1.1: all that is left is the socket, for as long as the tunnel lasts. */
export function guardTunnel(guard: Guard, req: IncomingMessage, socket: Duplex, proceed: () => void): void {
  whenDecided(guard, req, socket, (decision) => {
    if (!decision.allowed) {
      noticeUnencrypted(guard, req, connectionOf(req), decision)
      denySocket(socket, decision)
      return
    }
    removeIgnoredFields(req, decision)
    guard.attach(req, decision)
    closeWithPrincipal(guard, req, socket)
    guard.run(decision, proceed)
  })
}

/** `connect` of HTTP/2, extended `CONNECT` (RFC 8441) too: an exchange that becomes a tunnel. */
export function guardStreamTunnel(guard: Guard, req: Http2ServerRequest, res: Http2ServerResponse, proceed: () => void): void {
  guardRequest(guard, req, res, req.url ?? req.authority, () => {
    closeWithPrincipal(guard, req, req.stream)
    proceed()
  })
}

/** `stream` of HTTP/2: the API below requests and responses. */
export function guardStream(
  guard: Guard,
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  rawHeaders: readonly string[],
  proceed: () => void,
): void {
  const method = headers[':method'] ?? ''
  const req: StreamRequest = { httpVersionMajor: 2, method, url: headers[':path'] ?? headers[':authority'] ?? '', rawHeaders, stream }
  whenDecided(guard, req, stream, (decision) => {
    if (!decision.allowed) {
      denyStream(guard, decision, stream, method)
      return
    }
    removeIgnoredFields({ headers, rawHeaders }, decision)
    // For the handler, which has the stream; and for the request that Node may make of it, which has the same header list.
    guard.attach(stream, decision)
    guard.attach(rawHeaders, decision)
    if (method === 'CONNECT') closeWithPrincipal(guard, stream, stream)
    guard.run(decision, proceed)
  })
}

function whenDecided(guard: Guard, req: IncomingMessage | StreamRequest, held: Duplex, carryOut: (decision: Decision) => void): void {
  const decision = guard.decide(inboundFrom(req, req.url ?? ''))
  if (!(decision instanceof Promise)) {
    carryOut(decision)
    return
  }
  // Nobody listens to it while it is held back, and a reset without a listener would end the process.
  held.on('error', ignore)
  decision.then((made) => {
    held.off('error', ignore)
    if (!held.destroyed) carryOut(made)
  })
}

// A turn later, so that listeners of the same signal can still say goodbye in their own protocol.
function closeWithPrincipal(guard: Guard, req: object, held: Duplex): void {
  const signal = principalSignal(guard, req, held)
  const grant = guard.attached(req)
  signal.addEventListener(
    'abort',
    () => {
      setImmediate(() => held.destroy())
      if (grant !== undefined) reportEnd(guard, grant, signal.reason)
    },
    { once: true },
  )
}

function reportEnd(guard: Guard, { principal, inbound }: Grant, { code }: Denial): void {
  guard.report({
    kind: 'connection.ended',
    severity: 'warn',
    code,
    message: 'an open connection was closed: its caller is no longer let in',
    facts: {
      remoteAddress: inbound.connection.remoteAddress,
      ...(inbound.clientAddress === inbound.connection.remoteAddress ? {} : { clientAddress: inbound.clientAddress }),
      protocol: inbound.protocol,
      principal: principal.id,
      ...(principal.peer === null ? {} : { peer: principal.peer.id, serialNumber: principal.peer.certificate?.serialNumber ?? null }),
    },
  })
}
