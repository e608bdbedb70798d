import { X509Certificate } from 'node:crypto'
import { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { SERVER_NAME } from './names.js'

/** A connection without a network: what of a TLS socket is read, with a real certificate on it. */
export function quietConnection(certificateDer: Uint8Array | null, remoteAddress = '127.0.0.1'): Socket {
  const leaf = certificateDer === null ? undefined : new X509Certificate(certificateDer)
  const socket = {
    encrypted: true,
    remoteAddress,
    servername: SERVER_NAME,
    authorized: leaf !== undefined,
    _requestCert: true,
    isSessionReused: () => false,
    getPeerX509Certificate: () => leaf,
    getPeerCertificate: () => leaf?.toLegacyObject() ?? {},
  }
  // An IncomingMessage keeps its socket and asks nothing else of it before its body is read.
  return socket as unknown as Socket
}

/**
 * A request as Node's parser hands it over: every header name and value is a string of its own, flat and never hashed before, so that
 * a look-up pays for hashing it as it does behind a real parser.
 * @param more names and values, in turn.
 */
export function freshRequest(socket: Socket, token: Buffer | null, more: readonly Buffer[] = []): IncomingMessage {
  const req = new IncomingMessage(socket)
  req.httpVersionMajor = 1
  req.httpVersionMinor = 1
  req.httpVersion = '1.1'
  req.method = 'GET'
  req.url = fresh(PATH)
  req.rawHeaders = HEADERS.map(fresh)
  if (token !== null) req.rawHeaders.push(fresh(AUTHORIZATION), fresh(token))
  for (const bytes of more) req.rawHeaders.push(fresh(bytes))
  return req
}

/** The value of an Authorization field, as bytes. */
export function bearer(token: string): Buffer {
  return Buffer.from(`Bearer ${token}`)
}

/** The certificate of a client as nginx hands it on. */
export function forwardedByNginx(certificatePem: string): Buffer[] {
  return ['x-ssl-client-cert', encodeURIComponent(certificatePem), 'x-ssl-client-verify', 'SUCCESS'].map((text) => Buffer.from(text))
}

const PATH = Buffer.from('/invoices')
const AUTHORIZATION = Buffer.from('authorization')
const HEADERS = [
  'host',
  SERVER_NAME,
  'connection',
  'keep-alive',
  'accept',
  'application/json',
  'accept-encoding',
  'gzip, deflate, br',
  'user-agent',
  'countersign-bench',
].map((text) => Buffer.from(text))

function fresh(bytes: Buffer): string {
  return bytes.toString('latin1')
}
