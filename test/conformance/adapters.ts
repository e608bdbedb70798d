import type { IncomingMessage } from 'node:http'
import type { Server } from 'node:net'
import type { Principal } from '@countersign/core'
import { countersign as forExpress } from '@countersign/express'
import { countersign as forFastify } from '@countersign/fastify'
import type { Guard } from '@countersign/guard'
import { countersign as forKoa } from '@countersign/koa'
import { countersign as forNode } from '@countersign/node'
import express5 from 'express'
import Fastify, { type FastifyRequest, type FastifyServerFactory } from 'fastify'
import Koa3 from 'koa'
import { express4, Koa2 } from './frameworks.js'
import type { RequestListener } from './servers.js'

export const ADAPTERS = ['express4', 'express5', 'koa2', 'koa3', 'fastify', 'node'] as const
export type AdapterName = (typeof ADAPTERS)[number]

/** What a handler was given. */
export interface Handled {
  readonly principal: Principal | null
  /** What the guard says of the code that runs for this request. */
  readonly current: Principal | null
  readonly method: string
  /** The target as the framework tells it. */
  readonly target: string
  /** Names of the request's fields, lowercase, wherever the handler finds them. */
  readonly fields: readonly string[]
}

export interface AdapterSetup {
  readonly guard: Guard
  readonly http2: boolean
  /** Something in front of the guard reads the body, which is a mistake. */
  readonly bodyFirst: boolean
  /** Answers with 200 and a text. */
  handle(handled: Handled): string
  makeServer(listener: RequestListener): Server
}

export interface App {
  readonly server: Server
  close(): Promise<void>
}

/** A service as its author would write it, with the guard in front: one line, and a handler that answers everything with 200. */
export async function makeApp(name: AdapterName, setup: AdapterSetup): Promise<App> {
  switch (name) {
    case 'express4':
      return expressApp(express4, setup)
    case 'express5':
      return expressApp(express5, setup)
    case 'koa2':
      return koaApp(Koa2, setup)
    case 'koa3':
      return koaApp(Koa3, setup)
    case 'fastify':
      return fastifyApp(setup)
    case 'node':
      return nodeApp(setup)
  }
}

const NOTHING_TO_CLOSE = async (): Promise<void> => {}

function expressApp(express: typeof express5, { guard, bodyFirst, handle, makeServer }: AdapterSetup): App {
  const app = express()
  if (bodyFirst) app.use(express.json())
  app.use(forExpress(guard))
  app.use((req, res) => {
    const principal = req.principal ?? null
    res.send(handle({ principal, current: guard.currentPrincipal(), method: req.method, target: req.originalUrl, fields: fieldsOf(req) }))
  })
  return { server: makeServer(app), close: NOTHING_TO_CLOSE }
}

function koaApp(Koa: typeof Koa3, { guard, bodyFirst, handle, makeServer }: AdapterSetup): App {
  const app = new Koa()
  app.silent = true
  if (bodyFirst) {
    app.use(async (ctx, next) => {
      await drain(ctx.req)
      await next()
    })
  }
  app.use(forKoa(guard))
  app.use((ctx) => {
    const principal = ctx.state.principal ?? null
    ctx.body = handle({
      principal,
      current: guard.currentPrincipal(),
      method: ctx.method,
      target: ctx.originalUrl,
      fields: fieldsOf(ctx.req),
    })
  })
  return { server: makeServer(app.callback()), close: NOTHING_TO_CLOSE }
}

async function fastifyApp({ guard, http2, handle, makeServer }: AdapterSetup): Promise<App> {
  let server: Server | undefined
  const serverFactory = ((listener: RequestListener) => {
    server = makeServer(listener)
    return server
  }) as unknown as FastifyServerFactory
  const app = Fastify({ serverFactory, ...(http2 ? { http2: true } : {}) } as { serverFactory: FastifyServerFactory })
  await app.register(forFastify, { guard })
  const answer = async (request: FastifyRequest): Promise<string> =>
    handle({
      principal: request.principal,
      current: guard.currentPrincipal(),
      method: request.method,
      target: request.originalUrl,
      fields: fieldsOf(request.raw),
    })
  app.all('*', answer)
  app.setNotFoundHandler(async (request, reply) => reply.code(200).send(await answer(request)))
  // No other framework here reads a body that its handler does not ask for.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, payload, done) => {
    payload.resume()
    done(null)
  })
  await app.ready()
  if (server === undefined) throw new Error('Fastify made no server')
  return { server, close: () => app.close() }
}

function nodeApp({ guard, bodyFirst, handle, makeServer }: AdapterSetup): App {
  const listener = forNode(guard, (req: IncomingMessage, res) => {
    const principal = guard.attached(req)?.principal ?? null
    res.end(
      handle({ principal, current: guard.currentPrincipal(), method: req.method ?? '', target: req.url ?? '', fields: fieldsOf(req) }),
    )
  })
  if (!bodyFirst) return { server: makeServer(listener), close: NOTHING_TO_CLOSE }
  return { server: makeServer((req, res) => void drain(req).then(() => listener(req, res))), close: NOTHING_TO_CLOSE }
}

function fieldsOf({ headers, headersDistinct, rawHeaders }: IncomingMessage): readonly string[] {
  const raw = rawHeaders.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase())
  return [...raw, ...Object.keys(headers), ...Object.keys(headersDistinct ?? {})]
}

async function drain(req: IncomingMessage): Promise<void> {
  for await (const _ of req);
}
