import assert from 'node:assert/strict'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import { type TestContext, test } from 'node:test'
import { countersign as forExpress } from '@countersign/express'
import { countersign as forFastify } from '@countersign/fastify'
import { createGuard, type Guard } from '@countersign/guard'
import { countersign as forKoa } from '@countersign/koa'
import express from 'express'
import fastify from 'fastify'
import Koa from 'koa'
import { type Arena, codeOf, createArena, rawSocket, receive, serve } from './harness.js'

type Listener = (req: IncomingMessage, res: ServerResponse) => void
type Saw = (method: string, url: string) => void

/** Bytes on one connection, and what must come of them: statuses, the code of the first denial, and what handlers saw. */
interface Case {
  readonly claim: string
  readonly bytes: string
  readonly statuses: readonly number[]
  readonly code?: string
  readonly handled?: readonly string[]
}

const HOST = 'Host: localhost\r\n'
const LAST = `GET /ok/last HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`
const SMUGGLED = 'GET /ok/smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n'
const target = (text: string): string => `GET ${text} HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`
const headers = (...lines: readonly string[]): string => `GET /ok/a HTTP/1.1\r\n${lines.join('\r\n')}\r\nConnection: close\r\n\r\n`
const notCanonical = (claim: string, text: string): Case => ({
  claim,
  bytes: target(text),
  statuses: [400],
  code: 'ERR_TARGET_NOT_CANONICAL',
})

const CASES: readonly Case[] = [
  {
    claim: 'the body of a denied request is not taken for a request',
    bytes: `POST /no HTTP/1.1\r\n${HOST}Content-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}${LAST}`,
    statuses: [403, 200],
    handled: ['GET /ok/last'],
  },
  {
    claim: 'nor is a chunked body',
    bytes: `POST /no HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n${SMUGGLED.length.toString(16)}\r\n${SMUGGLED}\r\n0\r\n\r\n${LAST}`,
    statuses: [403, 200],
    handled: ['GET /ok/last'],
  },
  {
    claim: 'a body that waits for a continue is not taken for a request',
    bytes: `POST /no HTTP/1.1\r\n${HOST}Expect: 100-continue\r\nContent-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`,
    statuses: [403],
  },
  {
    claim: 'two lengths of one body are refused',
    bytes: `POST /ok/a HTTP/1.1\r\n${HOST}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${LAST}`,
    statuses: [400],
  },
  {
    claim: 'what follows a refused upgrade is not taken for a request',
    bytes: `GET /no HTTP/1.1\r\n${HOST}Connection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n${SMUGGLED}`,
    statuses: [403],
  },
  {
    claim: 'a second Authorization in another case is not hidden',
    bytes: headers('Host: localhost', 'Authorization: Bearer a.b.c', 'aUTHORIZATION: Bearer d.e.f'),
    statuses: [400],
    code: 'ERR_TOKEN_REPEATED',
  },
  { claim: 'a folded field is refused', bytes: headers('Host: localhost', 'Authorization: Bearer', ' a.b.c'), statuses: [400] },
  {
    claim: 'a second Host is refused',
    bytes: headers('Host: localhost', 'hOST: localhost'),
    statuses: [400],
    code: 'ERR_AUTHORITY_INVALID',
  },
  { claim: 'another Host is misdirected', bytes: headers('Host: other'), statuses: [421], code: 'ERR_MISDIRECTED' },
  {
    claim: 'a Host with user information is refused',
    bytes: headers('Host: localhost@other'),
    statuses: [400],
    code: 'ERR_AUTHORITY_INVALID',
  },
  {
    claim: 'headers that name another target are not read',
    bytes: `GET /no HTTP/1.1\r\n${HOST}X-Original-URL: /ok/a\r\nConnection: close\r\n\r\n`,
    statuses: [403],
  },
  notCanonical('dot segments', '/ok/../no'),
  notCanonical('encoded dot segments', '/ok/%2e%2e/no'),
  notCanonical('encoded slashes', '/ok%2f..%2fno'),
  notCanonical('backslashes', '/ok\\..\\no'),
  notCanonical('dot segments with parameters', '/ok/..;/no'),
  notCanonical('empty segments', '//other/ok'),
  notCanonical('a fragment', '/no#/ok'),
  notCanonical('an encoded NUL', '/ok/%00'),
  notCanonical('another authority in absolute form', 'https://other/ok/a'),
  notCanonical('user information in absolute form', 'https://x@localhost/ok/a'),
]

async function run(t: TestContext, listenerOf: (guard: Guard, saw: Saw) => Listener | Promise<Listener>): Promise<void> {
  const arena: Arena = createArena(t)
  const { mesh } = arena
  const orders = mesh.workload('/orders')
  const guard = createGuard({
    mtls: { trust: mesh.trust },
    jwt: mesh.jwt({ audience: 'billing', binding: 'if-bound' }),
    require: [['mtls']],
    authorize: [{ callers: orders.id, paths: { under: '/ok' } }],
    limit: null,
    audit: null,
  })
  let handled: string[] = []
  const port = await serve(t, arena, guard, await listenerOf(guard, (method, url) => void handled.push(`${method} ${url}`)))
  for (const { claim, bytes, statuses, code, handled: expected = [] } of CASES) {
    handled = []
    const socket = await rawSocket(t, port, orders, 'http/1.1')
    const received = receive(socket, () => false)
    socket.write(bytes)
    const text = await received
    assert.deepEqual(
      Array.from(text.matchAll(/HTTP\/1\.1 (\d{3})/g), ([, status]) => Number(status)),
      statuses,
      claim,
    )
    if (code !== undefined) assert.equal(codeOf(text), code, claim)
    assert.deepEqual(handled, expected, claim)
  }
}

test('bytes on the wire mean to a listener what they mean to the guard', (t) =>
  run(t, (_, saw) => (req, res) => {
    saw(req.method ?? '', req.url ?? '')
    res.end('in')
  }))

test('bytes on the wire mean to Express what they mean to the guard', (t) =>
  run(t, (guard, saw) => {
    const app = express()
    app.use(forExpress(guard))
    app.use((req, res) => {
      saw(req.method, req.originalUrl)
      res.end('in')
    })
    return app
  }))

test('bytes on the wire mean to Koa what they mean to the guard', (t) =>
  run(t, (guard, saw) => {
    const app = new Koa()
    app.use(forKoa(guard))
    app.use((ctx) => {
      saw(ctx.method, ctx.url)
      ctx.body = 'in'
    })
    return app.callback()
  }))

test('bytes on the wire mean to Fastify what they mean to the guard', (t) =>
  run(t, async (guard, saw) => {
    const app = fastify({ serverFactory: (listener) => createServer(listener) })
    t.after(() => app.close())
    await app.register(forFastify, { guard })
    app.all('/*', async (request) => {
      saw(request.method, request.url)
      return 'in'
    })
    await app.ready()
    return (req, res) => app.routing(req, res)
  }))
