import assert from 'node:assert/strict'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { createTestMesh, fakeTlsSocket, inject } from '@countersign/testing'
import express from 'express'
import fastify from 'fastify'
import Koa from 'koa'
import { express4, Koa2 } from './frameworks.js'

const echo = (req: IncomingMessage, res: ServerResponse) => {
  const chunks: Uint8Array[] = []
  req.on('data', (chunk) => chunks.push(chunk))
  req.on('end', () => {
    const { method, url, rawHeaders } = req
    res.setHeader('content-type', 'application/json')
    res.end(JSON.stringify({ method, url, rawHeaders, body: Buffer.concat(chunks).toString() }))
  })
}

test('a request arrives with its method, target, fields and body as they were given', async () => {
  const headers = { 'x-twice': ['1', '2'], 'X-Case': 'kept' }
  const response = await inject(echo, { method: 'POST', path: '/a/../b?c=%2F', headers, body: { n: 1 }, token: 'abc' })
  const seen = response.json() as { method: string; url: string; rawHeaders: string[]; body: string }
  assert.equal(response.status, 200)
  assert.deepEqual([seen.method, seen.url, seen.body], ['POST', '/a/../b?c=%2F', '{"n":1}'])
  const fields = seen.rawHeaders.join('|')
  assert.match(fields, /^host\|localhost\|content-type\|application\/json\|content-length\|7\|authorization\|Bearer abc\|/)
  assert.match(fields, /x-twice\|1\|x-twice\|2\|X-Case\|kept/)
})

test('the host is the server name of the socket', async () => {
  const response = await inject(echo, { socket: fakeTlsSocket({ serverName: 'billing.prod.example' }) })
  assert.match(response.text, /"host","billing\.prod\.example"/)
})

test('texts and bytes are sent as they are', async () => {
  assert.match((await inject(echo, { method: 'PUT', body: 'grüße' })).text, /"body":"grüße"/)
  assert.match((await inject(echo, { method: 'PUT', body: Buffer.from('raw') })).text, /"body":"raw"/)
  assert.match((await inject(echo, { method: 'PUT', body: null })).text, /"body":"null"/)
})

test('requests on one socket share the connection, also when they are sent at once', async () => {
  const sockets: Socket[] = []
  const listener = (req: IncomingMessage, res: ServerResponse) => {
    sockets.push(req.socket)
    res.end(String(sockets.length))
  }
  const socket = fakeTlsSocket()
  const first = await inject(listener, { socket })
  const others = await Promise.all([1, 2, 3].map(() => inject(listener, { socket })))
  assert.deepEqual(
    [first, ...others].map(({ text }) => text),
    ['1', '2', '3', '4'],
  )
  assert.equal(new Set(sockets).size, 1)
  assert.equal(await inject(listener).then(({ text }) => text), '5')
  assert.equal(new Set(sockets).size, 2)
})

test('a large body passes in both directions', async () => {
  const size = 3_000_000
  const listener = (req: IncomingMessage, res: ServerResponse) => {
    let bytes = 0
    req.on('data', (chunk: Uint8Array) => {
      bytes += chunk.length
    })
    req.on('end', () => res.end(Buffer.alloc(bytes, 'x')))
  }
  const response = await inject(listener, { method: 'POST', body: Buffer.alloc(size) })
  assert.equal(response.text.length, size)
})

test('rejects when the listener breaks the connection off', async () => {
  await assert.rejects(
    inject((req) => req.socket.destroy()),
    { code: 'ECONNRESET' },
  )
})

test('a connection that the server closed takes no further request', async () => {
  const socket = fakeTlsSocket()
  const listener = (_req: IncomingMessage, res: ServerResponse) => {
    res.setHeader('connection', 'close')
    res.end('last')
  }
  assert.equal((await inject(listener, { socket })).text, 'last')
  await assert.rejects(inject(listener, { socket }), /closed/)
})

test('a socket belongs to one listener, and brings its own peer', async () => {
  const mesh = createTestMesh()
  const socket = fakeTlsSocket()
  await inject(echo, { socket })
  await assert.rejects(
    inject((_req, res) => res.end(), { socket }),
    { option: 'options.socket' },
  )
  await assert.rejects(inject(echo, { socket, peer: mesh.workload('/orders') }), { code: 'ERR_OPTION_CONTRADICTION' })
  const misspelt: object = { paht: '/' }
  await assert.rejects(inject(echo, misspelt), { code: 'ERR_OPTION_UNKNOWN' })
})

test('problem is there for application/problem+json alone', async () => {
  const answering = (type: string) => (_req: IncomingMessage, res: ServerResponse) => {
    res.statusCode = 403
    res.setHeader('content-type', type)
    res.end('{"code":"ERR_FORBIDDEN"}')
  }
  assert.equal((await inject(answering('application/problem+json'))).problem?.code, 'ERR_FORBIDDEN')
  assert.equal((await inject(answering('application/json'))).problem, null)
})

const orders = createTestMesh('prod.example').workload('/orders')
const greeting = (req: IncomingMessage) => `hello ${certificateNameOf(req)}`

for (const [name, framework] of [
  ['Express 5', express],
  ['Express 4', express4],
] as const) {
  test(`drives ${name}`, async () => {
    const app = framework().get('/hello', (req, res) => {
      res.send(greeting(req))
    })
    assert.equal((await inject(app, { path: '/hello', peer: orders })).text, 'hello URI:spiffe://prod.example/orders')
    assert.equal((await inject(app, { path: '/nowhere', peer: orders })).status, 404)
  })
}

for (const [name, Framework] of [
  ['Koa 3', Koa],
  ['Koa 2', Koa2],
] as const) {
  test(`drives ${name}`, async () => {
    const app = new Framework()
    app.use((ctx) => {
      ctx.body = greeting(ctx.req)
    })
    assert.equal((await inject(app.callback(), { peer: orders })).text, 'hello URI:spiffe://prod.example/orders')
  })
}

test('drives Fastify', async () => {
  const app = fastify()
  app.get('/hello', (request) => greeting(request.raw))
  await app.ready()
  assert.equal((await inject(app.routing, { path: '/hello', peer: orders })).text, 'hello URI:spiffe://prod.example/orders')
  await app.close()
})

function certificateNameOf({ socket }: IncomingMessage): string | undefined {
  return 'getPeerX509Certificate' in socket && typeof socket.getPeerX509Certificate === 'function'
    ? socket.getPeerX509Certificate()?.subjectAltName
    : undefined
}

test('a refused HEAD request has no problem to read, and no error either', async () => {
  const refuse = (_req: IncomingMessage, res: ServerResponse) => {
    res.writeHead(403, { 'content-type': 'application/problem+json' }).end('{"code":"ERR_FORBIDDEN"}')
  }
  const { status, problem } = await inject(refuse, { method: 'HEAD' })
  assert.deepEqual([status, problem], [403, null])
})

test('names what is wrong with a listener, a target and a peer, and the line that mends it', async () => {
  const misuse = (option: string, message: RegExp) => ({ name: 'MisuseError', code: 'ERR_OPTION_INVALID', option, message })
  for (const app of [new Koa(), fastify(), undefined])
    await assert.rejects(
      Reflect.apply(inject, undefined, [app]),
      misuse('listener', /app\.callback\(\) for Koa, app\.routing after app\.ready\(\)/),
    )
  for (const path of ['invoices', '', 7])
    await assert.rejects(Reflect.apply(inject, undefined, [echo, { path }]), misuse('options.path', /begins with \//))
  for (const peer of ['spiffe://prod.example/orders', {}, { certificateDer: 'x' }])
    await assert.rejects(Reflect.apply(inject, undefined, [echo, { peer }]), misuse('options.peer', /takes a workload: .*mesh\.workload/))
})

test('sends every form of request target there is', async () => {
  for (const path of ['*', 'http://localhost/a']) assert.equal((await inject(echo, { method: 'OPTIONS', path })).status, 200)
})
