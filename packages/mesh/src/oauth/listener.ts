import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import type { Inbound } from '@countersign/core'
import { inboundFrom } from '@countersign/node'
import type { OAuthAnswer } from './answer.js'
import type { OAuthExchange } from './exchange.js'
import { readBody } from './read-body.js'
import { isRejection, type RejectionCode } from './rejection.js'

type NodeRequest = IncomingMessage | Http2ServerRequest
type NodeResponse = ServerResponse | Http2ServerResponse

/** The server as the frameworks take it. */
export interface OAuthListeners {
  /**
   * Express: `app.use(server.listener)`. node:http, https, http2: `createServer(options, server.listener)`. With `next`, requests for paths
   * of others are handed on; without, they are answered with 404.
   */
  readonly listener: (req: NodeRequest, res: NodeResponse, next?: (error?: unknown) => void) => void
  /** Koa: `app.use(server.koa)`. */
  readonly koa: (context: KoaContext, next: () => Promise<unknown>) => Promise<void>
  /** Fastify: `app.addHook('onRequest', server.fastify)`. */
  readonly fastify: (request: { readonly raw: NodeRequest }, reply: FastifyReply, done: () => void) => void
}

/** What of Koa's context is used. */
export interface KoaContext {
  readonly req: NodeRequest
  readonly res: NodeResponse
  respond?: boolean
}

/** What of Fastify's reply is used. */
export interface FastifyReply {
  readonly raw: NodeResponse
  hijack(): unknown
}

/** What listeners need of the server. */
export interface ListenerParts {
  owns(target: string): boolean
  handle(exchange: OAuthExchange): Promise<OAuthAnswer>
  refuse(inbound: Inbound, code: RejectionCode): OAuthAnswer
}

/** Makes the listeners. They never throw, and nothing that they wait for rejects. */
export function createListeners({ owns, handle, refuse }: ListenerParts): OAuthListeners {
  async function serve(req: NodeRequest, res: NodeResponse, target: string): Promise<void> {
    const answer = await answerTo(inboundFrom(req, target), req)
    if (res.headersSent || res.destroyed === true) return
    send(req, res, answer)
  }

  async function answerTo(inbound: Inbound, req: NodeRequest): Promise<OAuthAnswer> {
    if (inbound.method !== 'POST') {
      req.resume()
      return handle({ inbound, body: new Uint8Array(0) })
    }
    // Who parses the body first decides what the parameters are, and which of two.
    if (inbound.bodyRead || ('body' in req && req.body !== undefined)) return refuse(inbound, 'ERR_GUARD_BEHIND_BODY_PARSER')
    const length = inbound.header('content-length')
    const body = await readBody(req, typeof length === 'string' ? length : null)
    return isRejection(body) ? refuse(inbound, body.code) : handle({ inbound, body })
  }

  return {
    listener(req, res, next) {
      const target = targetOf(req)
      if (next !== undefined && !owns(target)) next()
      else void serve(req, res, target)
    },
    async koa(context, next) {
      const target = targetOf(context.req)
      if (!owns(target)) {
        await next()
        return
      }
      // The answer is not Koa's to write.
      context.respond = false
      await serve(context.req, context.res, target)
    },
    fastify({ raw }, reply, done) {
      const target = targetOf(raw)
      if (!owns(target)) {
        done()
        return
      }
      reply.hijack()
      void serve(raw, reply.raw, target)
    },
  }
}

/** The request target as it was sent: a router gives what it strips from `url` to `originalUrl`. */
function targetOf(req: NodeRequest): string {
  const original: unknown = 'originalUrl' in req ? req.originalUrl : undefined
  return typeof original === 'string' ? original : (req.url ?? '')
}

function send(req: NodeRequest, res: NodeResponse, { status, headers, body }: OAuthAnswer): void {
  res.statusCode = status
  for (const [name, value] of Object.entries(headers)) {
    // RFC 9113 §8.2.2: HTTP/2 has no such field.
    if (!('stream' in req && name === 'Connection')) res.setHeader(name, value)
  }
  res.setHeader('Content-Length', Buffer.byteLength(body))
  if (req.method === 'HEAD') res.end()
  else res.end(body)
}
