import type { ServerResponse } from 'node:http'
import type { Http2ServerResponse } from 'node:http2'
import type { Decision, Denial, Grant } from '@countersign/core'
import type { Guard } from '@countersign/guard'
import type { NodeRequest } from './connection.js'

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
  const http2 = 'stream' in req
  for (const name in denial.headers) res.setHeader(name, denial.headers[name] ?? '')
  if (guard.closeOnDenial && !http2) res.setHeader('Connection', 'close')
  res.statusCode = denial.status
  res.end(denial.body)
  if (guard.closeOnDenial && http2) req.stream?.session?.close()
}
