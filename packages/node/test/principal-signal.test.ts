import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { Http2ServerResponse } from 'node:http2'
import { test } from 'node:test'
import { countersign, type Guard, principalSignal, secureHttp2Server } from '@countersign/node'
import { inject } from '@countersign/testing'
import { listen } from '@countersign-internal/fixture'
import { callStream, createBench, guardFor, openSession } from './fixture.js'

const bench = createBench()

/** The guard, and how many of its watches are still open. */
function counting(guard: Guard): { readonly guard: Guard; readonly open: () => number } {
  let open = 0
  return {
    open: () => open,
    guard: {
      ...guard,
      watch(grant) {
        open++
        return guard.watch(grant)
      },
      end(grant) {
        open--
        guard.end(grant)
      },
    },
  }
}

test('a request is watched until its response is over, and not at all after that', async (t) => {
  const { guard, open } = counting(guardFor(t, bench))
  const seen: ServerResponse[] = []
  const app = countersign(guard, (req, res: ServerResponse) => {
    principalSignal(guard, req, res)
    assert.equal(open(), 1)
    seen.push(res)
    res.end()
  })
  await inject(app, { peer: bench.orders })
  const [res] = seen
  assert.ok(res !== undefined)
  if (!res.closed) await once(res, 'close')
  assert.equal(open(), 0)
  assert.equal(principalSignal(guard, res.req, res).aborted, false)
  assert.equal(open(), 0)
})

test('a request of HTTP/2 is not watched once its stream is closed', async (t) => {
  const { guard, open } = counting(guardFor(t, bench))
  let last: Http2ServerResponse | null = null
  const server = secureHttp2Server({ cert: bench.cert, key: bench.key, guard }, (_req, res) => {
    last = res
    res.end()
  })
  const ended = new Promise<void>((resolve) => server.on('stream', (stream) => stream.once('close', resolve)))
  await callStream(await openSession(t, bench.mesh, await listen(t, server), bench.orders))
  await ended
  assert.ok(last !== null)
  const { req } = last as Http2ServerResponse
  principalSignal(guard, req, last)
  assert.equal(open(), 0)
})

test('refuses to be a middleware: a guard without a listener behind it is a mistake that is told at once', (t) => {
  assert.throws(() => countersign(guardFor(t, bench), undefined as never), { code: 'ERR_OPTION_INVALID', option: 'listener' })
  assert.throws(() => countersign(undefined as never, () => {}), { code: 'ERR_OPTION_INVALID', option: 'guard' })
})
