import type { ServerResponse } from 'node:http'
import type { Http2ServerResponse, ServerHttp2Stream } from 'node:http2'
import type { Decision, Denial, Grant, Headers } from '@countersign/core'
import type { Guard } from '@countersign/guard'
import type { NodeRequest } from './connection.js'
import { ignore } from './deny-socket.js'

/** A response of node:http, https or http2 (its compatibility API). */
export type NodeResponse = ServerResponse | Http2ServerResponse

/**
 * Carries a decision out: sends a denial, or puts the grant on the request and its fields on the response.
 * @returns `true`: go on.
 */
export function carryOut(guard: Guard, decision: Decision, req: NodeRequest, res: NodeResponse): decision is Grant {
  if (!decision.allowed) {
    sendDenial(guard, decision, req, res)
    return false
  }
  // Answered while it was decided, by a time limit in front of us: nobody may go on with it, and a header set now would throw.
  if (res.headersSent) return false
  guard.attach(req, decision)
  const { headers } = decision
  for (const name in headers) res.setHeader(name, headers[name] ?? '')
  return true
}

/** Answers with a denial. Where an answer has begun already, all that is left is to end the connection. */
export function sendDenial(guard: Guard, denial: Denial, req: NodeRequest, res: NodeResponse): void {
  if (res.headersSent) {
    req.destroy()
    return
  }
  const headers = denialHeaders(guard, denial, req)
  for (const name in headers) res.setHeader(name, headers[name] ?? '')
  res.statusCode = denial.status
  res.end(denial.body)
}

/**
 * The header fields of a denial on this connection. Where the guard closes connections on denial, HTTP/1.1 is told so by a field, and
 * an HTTP/2 session takes no new streams from now on.
 */
export function denialHeaders(guard: Guard, denial: Denial, req: NodeRequest): Headers {
  if ('stream' in req) {
    if (req.stream !== undefined) markDenied(req.stream)
    if (guard.closeOnDenial) req.stream?.session?.close()
    return denial.headers
  }
  // RFC 9110 §10.1.1: who was not told to continue may or may not send the body, so the next request could not be told from it.
  return guard.closeOnDenial || req.headers.expect !== undefined ? { ...denial.headers, Connection: 'close' } : denial.headers
}

/** The same for a handler of HTTP/2's `stream` event. */
export function denyStream(guard: Guard, denial: Denial, stream: ServerHttp2Stream, method: string): void {
  if (stream.destroyed || stream.closed || stream.headersSent) return
  const endStream = method === 'HEAD'
  markDenied(stream)
  stream.on('error', ignore)
  stream.respond({ ':status': denial.status, ...denial.headers }, { endStream })
  if (!endStream) stream.end(denial.body)
  if (guard.closeOnDenial) stream.session?.close()
}

const DENIED = Symbol('countersign.denied')

function markDenied(stream: ServerHttp2Stream & { [DENIED]?: true }): void {
  stream[DENIED] = true
}

/** A denial was sent on this stream, whether or not its client has read it. */
export function isDenied(stream: ServerHttp2Stream & { readonly [DENIED]?: true }): boolean {
  return stream[DENIED] === true
}
