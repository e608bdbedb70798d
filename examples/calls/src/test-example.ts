import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Answer, Call } from './call.js'
import { createCredentials } from './create-credentials.js'
import { type RunningExample, startExample } from './start-example.js'

/**
 * The tests of an example service: all of them are the same service, in another framework.
 * @param main URL of its `main.js`.
 * @param call how it is asked: over HTTP/1.1 or HTTP/2.
 */
export function testExample(main: URL, call: (request: Call) => Promise<Answer>): void {
  const credentials = createCredentials()
  let example: RunningExample

  before(async () => {
    example = await startExample(fileURLToPath(main), credentials.folder)
  })
  after(async () => {
    await example.stop()
    credentials.remove()
  })

  const get = (path: string, as?: Call['as']): Promise<Answer> =>
    call({ port: example.port, path, from: credentials, ...(as === undefined ? {} : { as }) })

  test('lets orders read invoices, and knows it by its SPIFFE ID', async () => {
    const answer = await get('/invoices', credentials.workload('orders'))
    assert.deepEqual(answer, { status: 200, body: { hello: 'spiffe://prod.example/orders' } })
  })

  test('answers the health check without a certificate', async () => {
    assert.deepEqual(await get('/health'), { status: 200, body: { status: 'up' } })
  })

  const refusals = [
    ['a caller without a certificate', '/invoices', undefined, 'ERR_PEER_MISSING'],
    ['a caller that no rule names', '/invoices', credentials.workload('shop'), 'ERR_FORBIDDEN'],
    ['a certificate of another authority with the right name in it', '/invoices', credentials.stranger('orders'), 'ERR_PEER_UNTRUSTED'],
    ['a path that only looks like the health check', '/health/', undefined, 'ERR_PEER_MISSING'],
  ] as const
  for (const [name, path, as, code] of refusals) {
    test(`refuses ${name}`, async () => {
      const { status, body } = await get(path, as)
      assert.equal(body['code'], code)
      assert.equal(status, 403)
    })
  }
}
