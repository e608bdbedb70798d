import type { KeyObject } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { TLSSocket } from 'node:tls'
import { AUDIENCE, CALLER_COMMON_NAME, ISSUER } from '../names.js'
import { INVOICES, issuerKey, type Stack, tlsOptions } from './stack.js'

type Listener = (req: IncomingMessage, res: ServerResponse) => void

const BEARER = 'Bearer '

/** node:http has no middleware: the peers are jose and a look at the certificate by hand, without a quota. */
export const nodeHttpStack: Stack = async (protection, credentials) => {
  if (protection.kind === 'bare') return createServer(tlsOptions(credentials), answer)
  if (protection.kind === 'empty') return createServer(tlsOptions(credentials), (req, res) => answer(req, res))
  if (protection.kind === 'peers') return createServer(tlsOptions(credentials), await listenerByHand(issuerKey(credentials)))
  const { countersign } = await import('@countersign/node')
  return createServer(tlsOptions(credentials), countersign(protection.options, answer))
}

function answer(req: IncomingMessage, res: ServerResponse): void {
  if (req.method === 'GET' && req.url === '/invoices') {
    res.setHeader('Content-Type', 'application/json; charset=utf-8')
    res.end(JSON.stringify(INVOICES))
    return
  }
  res.statusCode = 404
  res.end()
}

async function listenerByHand(key: KeyObject): Promise<Listener> {
  const { jwtVerify } = await import('jose')
  async function isAllowed(req: IncomingMessage): Promise<boolean> {
    const socket = req.socket as TLSSocket
    if (!socket.authorized || socket.getPeerCertificate().subject.CN !== CALLER_COMMON_NAME) return false
    const authorization = req.headers.authorization ?? ''
    if (!authorization.startsWith(BEARER)) return false
    await jwtVerify(authorization.slice(BEARER.length), key, { algorithms: ['RS256'], issuer: ISSUER, audience: AUDIENCE })
    return true
  }
  return (req, res) => {
    const refuse = (): void => {
      res.statusCode = 401
      res.end()
    }
    isAllowed(req).then((allowed) => (allowed ? answer(req, res) : refuse()), refuse)
  }
}
