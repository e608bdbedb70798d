import { type Connection, type Inbound, REPEATED } from '@countersign/core'
import { connectionOf, isHttp2, type NodeRequest, type StreamRequest } from './connection.js'

/**
 * Reads a request for the guard: from what was on the wire, not from what a framework made of it.
 * @param target the request target as it was sent: what a router stripped from `req.url` is given back here.
 */
export function inboundFrom(req: NodeRequest | StreamRequest, target: string): Inbound {
  return new NodeInbound(req, target)
}

/** Reads each property of the request once: on a request whose prototype a framework has changed, a read is not cheap. */
class NodeInbound implements Inbound {
  readonly protocol: Inbound['protocol']
  readonly method: string
  readonly target: string
  readonly connection: Connection
  readonly rawHeaders: readonly string[]
  readonly bodyRead: boolean
  clientAddress: string | null

  constructor(req: NodeRequest | StreamRequest, target: string) {
    this.protocol = isHttp2(req) ? 'h2' : 'http/1.1'
    this.method = req.method ?? ''
    this.target = target
    this.connection = connectionOf(req)
    this.bodyRead = (req as { readonly readableDidRead?: boolean }).readableDidRead === true
    this.rawHeaders = req.rawHeaders
    this.clientAddress = this.connection.remoteAddress
  }

  get authority(): Inbound['authority'] {
    const host = this.header('host')
    if (this.protocol !== 'h2') return typeof host === 'string' ? host.toLowerCase() : host
    const authority = this.header(':authority')
    if (authority === null) return typeof host === 'string' ? host.toLowerCase() : host
    // RFC 9113 §8.3.1: `Host` must not differ from `:authority`.
    if (authority === REPEATED || (host !== null && host !== authority)) return REPEATED
    return authority.toLowerCase()
  }

  header(name: string): string | null | typeof REPEATED {
    // `req.headers` keeps the first of two Authorization fields without a word: the raw list hides nothing.
    const raw = this.rawHeaders
    let found: string | null = null
    for (let index = 0; index < raw.length; index += 2) {
      const key = raw[index]
      if (key === undefined || key.length !== name.length || key.toLowerCase() !== name) continue
      if (found !== null) return REPEATED
      found = raw[index + 1] ?? ''
    }
    return found
  }
}
