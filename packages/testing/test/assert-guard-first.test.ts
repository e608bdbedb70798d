import assert from 'node:assert/strict'
import { test } from 'node:test'
import { countersign as guardExpress } from '@countersign/express'
import { countersign as guardKoa } from '@countersign/koa'
import { assertGuardFirst, createTestMesh } from '@countersign/testing'
import express from 'express'
import Koa from 'koa'
import { express4, Koa2 } from './frameworks.js'

const mesh = createTestMesh()
const options = { mtls: { trust: mesh.trust }, jwt: null, authorize: 'any-authenticated', audit: null } as const
const handler = (_req: express.Request, res: express.Response) => {
  res.end()
}

function refuses(app: object, message: RegExp): void {
  assert.throws(() => assertGuardFirst(app), { code: 'ERR_NOT_GUARDED', message })
}

for (const [name, framework] of [
  ['Express 5', express],
  ['Express 4', express4],
] as const) {
  test(`${name}: a guard that stands first passes, whatever follows`, () => {
    assertGuardFirst(framework().use(guardExpress(options)).use(express.json()).get('/', handler))
  })

  test(`${name}: a body parser, a route, a router, a mounted app and any other middleware in front are named`, () => {
    refuses(framework().use(framework.json()).use(guardExpress(options)), /^jsonParser stands in front of the guard/)
    refuses(framework().get('/open', handler).use(guardExpress(options)), /^the route \/open stands in front/)
    refuses(framework().use('/api', framework.Router()).use(guardExpress(options)), /^router stands in front/)
    refuses(framework().use('/sub', framework()).use(guardExpress(options)), /^mounted_app stands in front/)
    refuses(
      framework()
        .use((_req, _res, next) => next())
        .use(guardExpress(options)),
      /^a middleware without a name stands in front/,
    )
  })

  test(`${name}: no guard at all, and one for a part of the paths alone, are no guard`, () => {
    refuses(framework(), /^no guard stands in this app/)
    refuses(framework().get('/', handler), /^no guard stands in this app/)
    refuses(framework().use('/api', guardExpress(options)), /^the guard stands below a path only/)
    refuses(framework().use(framework.Router().use(guardExpress(options))), /^no guard stands in this app/)
  })

  test(`${name}: middleware that is named may stand in front`, () => {
    function requestId(_req: express.Request, _res: express.Response, next: () => void): void {
      next()
    }
    const app = framework().use(requestId).use(guardExpress(options))
    assertGuardFirst(app, { before: ['requestId'] })
    assertGuardFirst(app, { before: [requestId] })
    assert.throws(() => assertGuardFirst(app, { before: ['other'] }), /^MisuseError: requestId stands in front/)
  })
}

for (const [name, Framework] of [
  ['Koa 3', Koa],
  ['Koa 2', Koa2],
] as const) {
  test(`${name}: a guard that stands first passes, and one behind a body parser does not`, () => {
    async function bodyParser(_ctx: unknown, next: () => Promise<unknown>): Promise<unknown> {
      return next()
    }
    assertGuardFirst(new Framework().use(guardKoa(options)).use(bodyParser))
    refuses(new Framework().use(bodyParser).use(guardKoa(options)), /^bodyParser stands in front of the guard/)
    refuses(new Framework(), /^no guard stands in this app/)
    assertGuardFirst(new Framework().use(bodyParser).use(guardKoa(options)), { before: [bodyParser] })
  })
}

test('what is no app is refused', () => {
  assert.throws(() => assertGuardFirst({}), { code: 'ERR_OPTION_INVALID', option: 'app' })
})
