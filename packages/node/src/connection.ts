import type { X509Certificate } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Http2ServerRequest, ServerHttp2Stream } from 'node:http2'
import type { Connection, Presented } from '@countersign/core'
import { socketAccessOf } from './socket-access.js'
import { type AddressedSocket, transportAddressOf } from './transport-address.js'

/** A request of node:http, https or http2 (its compatibility API). */
export type NodeRequest = IncomingMessage | Http2ServerRequest

/** What a handler of HTTP/2's `stream` event gets, as far as it is a request. */
export interface StreamRequest {
  readonly httpVersionMajor: 2
  readonly method: string
  readonly url: string
  readonly rawHeaders: readonly string[]
  readonly stream: ServerHttp2Stream
}

/** What of a socket is read. Everything may be missing: HTTP/2 hands out a proxy, a Unix socket has no address, a closed one nothing. */
interface ReadableSocket extends AddressedSocket {
  readonly encrypted?: boolean
  readonly servername?: string | false | null
  readonly server?: { readonly requestCert?: boolean; address?(): unknown }
  readonly _requestCert?: boolean
  isSessionReused?(): boolean
  getPeerX509Certificate?(): X509Certificate | undefined
}

const MAX_CHAIN = 10 // as deep as OpenSSL's usual verify depth; longer chains are refused by the path budget anyway
const CONNECTION = Symbol('countersign.connection')
const GONE: ReadableSocket = Object.freeze({})

/**
 * The connection below a request: made once, kept on the socket, or for HTTP/2 on the session, whose socket is a proxy that must
 * not be keyed by.
 */
export function connectionOf(req: NodeRequest | StreamRequest): Connection {
  const http2 = isHttp2(req)
  const holder = (http2 ? (req as StreamRequest).stream?.session : (req as IncomingMessage).socket) as Holder | undefined | null
  if (holder === undefined || holder === null) return new NodeConnection(GONE)
  holder[CONNECTION] ??= readConnection(holder, http2)
  return holder[CONNECTION]
}

/** The version alone does not say: `GET / HTTP/2.0` is a request line that Node's HTTP/1.1 parser takes. */
export function isHttp2(req: NodeRequest | StreamRequest): boolean {
  return req.httpVersionMajor === 2 && 'stream' in req
}

interface Holder extends ReadableSocket {
  [CONNECTION]?: Connection
  readonly socket?: ReadableSocket
}

// The socket of an HTTP/2 session that has ended throws at every question (ERR_HTTP2_SOCKET_UNBOUND).
function readConnection(holder: Holder, http2: boolean): Connection {
  try {
    return new NodeConnection(http2 ? (holder.socket ?? GONE) : holder)
  } catch {
    return new NodeConnection(GONE)
  }
}

class NodeConnection implements Connection {
  readonly transport: Connection['transport']
  readonly remoteAddress: string | null
  readonly proxyAddress: string | null
  readonly serverName: string | null
  readonly resumed: boolean
  readonly certificateRequested: boolean;
  [fact: symbol]: unknown
  readonly #socket: ReadableSocket

  constructor(socket: ReadableSocket) {
    this.#socket = socket
    this.transport = socket.encrypted === true ? 'tls' : typeof socket.server?.address?.() === 'string' ? 'unix' : 'tcp'
    const { remoteAddress, proxyAddress } = transportAddressOf(socket)
    this.remoteAddress = remoteAddress
    this.proxyAddress = proxyAddress
    this.serverName = typeof socket.servername === 'string' ? socket.servername.toLowerCase() : null
    this.resumed = socket.isSessionReused?.() === true
    this.certificateRequested = socket._requestCert ?? socket.server?.requestCert ?? true
  }

  socketAccess(): ReturnType<Connection['socketAccess']> {
    const path = this.#socket.server?.address?.()
    return this.transport === 'unix' && typeof path === 'string' ? socketAccessOf(path) : null
  }

  presented(): Presented {
    try {
      // `authorized` is not asked: a resumed TLS 1.3 session says true without any certificate (nodejs/node#35317).
      const leaf = this.#socket.getPeerX509Certificate?.()
      return leaf === undefined ? { kind: 'none' } : { kind: 'certificate', leaf: leaf.raw, intermediates: issuersOf(leaf) }
    } catch (cause) {
      return { kind: 'unreadable', cause }
    }
  }
}

function issuersOf(leaf: X509Certificate): Uint8Array[] {
  const issuers: Uint8Array[] = []
  let issuer = leaf.issuerCertificate
  while (issuer !== undefined && issuers.length < MAX_CHAIN) {
    issuers.push(issuer.raw)
    if (issuer.issuer === issuer.subject) break
    issuer = issuer.issuerCertificate
  }
  return issuers
}
