import type { IncomingMessage, ServerResponse } from 'node:http'
import { createRequire } from 'node:module'
import { posix } from 'node:path'
import { parse as parseLegacyUrl } from 'node:url'
import express5 from 'express'
import Koa3 from 'koa'
import { express4, Koa2 } from '../conformance/frameworks.js'

/** Which of the handlers below a request ends up with. `null`: with none, or with an error. */
export type Destination = 'admin' | 'admin itself' | 'public' | 'public itself' | 'elsewhere' | null

/** Sends a target through a real router, without a server around it. */
export type Router = (method: string, target: string, authority: string) => Destination

/** Every router that the adapters stand in front of, as strict and as lenient as it can be made, and what people write by hand. */
export function createRouters(): ReadonlyMap<string, Router> {
  const lenient = { caseSensitive: false, ignoreTrailingSlash: true, ignoreDuplicateSlashes: true, useSemicolonDelimiter: true }
  return new Map<string, Router>([
    ['express 4', expressRouter(express4, '/*')],
    ['express 5', expressRouter(express5, '/*rest')],
    ['express 4, strict', expressRouter(express4, '/*', { 'strict routing': true, 'case sensitive routing': true })],
    ['express 5, strict', expressRouter(express5, '/*rest', { 'strict routing': true, 'case sensitive routing': true })],
    ['koa 2', koaRouter(Koa2)],
    ['koa 3', koaRouter(Koa3)],
    ['fastify', fastifyRouter({})],
    ['fastify, lenient', fastifyRouter(lenient)],
    ['fastify, in any letters', fastifyRouter({ caseSensitive: false })],
    ['fastify, with semicolons', fastifyRouter({ useSemicolonDelimiter: true })],
    ['fastify, without the last slash', fastifyRouter({ ignoreTrailingSlash: true })],
    ['URL', (_method, target, authority) => byPath(new URL(target, `http://${authority}`).pathname)],
    [
      'URL with the authority in front',
      (_method, target, authority) => byPath(new URL(target.startsWith('/') ? `http://${authority}${target}` : target).pathname),
    ],
    ['url.parse', (_method, target) => byPath(parseLegacyUrl(target).pathname ?? '')],
    [
      'a server of files',
      (_method, target, authority) => byPath(posix.normalize(decodeURIComponent(new URL(target, `http://${authority}`).pathname))),
    ],
    ['up to the question mark', (_method, target) => byPath(target.replace(/^https?:\/\/[^/]*/i, '').split('?')[0] ?? '')],
  ])
}

/** Where the request goes; a router that throws serves nobody. */
export function destinationOf(router: Router, method: string, target: string, authority: string): Destination {
  try {
    return router(method, target, authority)
  } catch {
    return null
  }
}

function byPath(path: string): Destination {
  if (path === '/admin') return 'admin itself'
  if (path.startsWith('/admin/')) return path === '/admin/' ? 'admin itself' : 'admin'
  if (path === '/public') return 'public itself'
  return path.startsWith('/public/') && path !== '/public/' ? 'public' : 'elsewhere'
}

function expressRouter(express: typeof express5, rest: string, settings: Readonly<Record<string, boolean>> = {}): Router {
  const app = express()
  for (const [name, value] of Object.entries(settings)) app.set(name, value)
  let destination: Destination = null
  const goesTo = (place: Destination) => () => {
    destination = place
  }
  for (const place of ['admin', 'public'] as const) {
    app.all(`/${place}`, goesTo(`${place} itself`))
    app.all(`/${place}/:id`, goesTo(place))
    app.all(`/${place}${rest}`, goesTo(place))
    const mounted = express.Router()
    mounted.use((req) => goesTo(req.path === '/' ? `${place} itself` : place)())
    app.use(`/${place}`, mounted)
  }
  app.use(goesTo('elsewhere'))
  return (method, target) => {
    destination = null
    app(
      fake<Parameters<typeof app>[0]>({ method, url: target, headers: {} }),
      fake<Parameters<typeof app>[1]>({ setHeader() {} }),
      () => {},
    )
    return destination
  }
}

function koaRouter(Koa: typeof Koa3): Router {
  const app = new Koa()
  return (method, target) =>
    byPath(app.createContext(fake<IncomingMessage>({ method, url: target, headers: {}, socket: {} }), fake<ServerResponse>({})).path)
}

interface FindMyWay {
  on(method: string[], path: string, handler: () => void, store: Destination): void
  find(method: string, path: string): { readonly store: Destination } | null
}

/** The router inside of Fastify, of the version that Fastify has. */
function fastifyRouter(options: Readonly<Record<string, boolean>>): Router {
  const require = createRequire(createRequire(import.meta.url).resolve('fastify'))
  const findMyWay = require('find-my-way') as (options: object) => FindMyWay
  const router = findMyWay({ ...options, onBadUrl: () => {} })
  const on = (path: string, place: Destination): void => router.on(['GET', 'POST', 'OPTIONS'], path, () => {}, place)
  for (const place of ['admin', 'public'] as const) {
    on(`/${place}`, `${place} itself`)
    on(`/${place}/:id`, place)
    on(`/${place}/*`, place)
  }
  on('/*', 'elsewhere')
  return (method, target) => router.find(method, target)?.store ?? null
}

/** Routers read no more than this of a request. */
function fake<T>(parts: object): T {
  return parts as T
}
