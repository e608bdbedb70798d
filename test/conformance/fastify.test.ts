import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fieldOf } from './answer.js'
import { runCells } from './run-cells.js'
import { send } from './send.js'
import { createServices } from './service.js'
import { createWorld } from './world.js'

runCells('fastify')

// Rows that are not applicable to Fastify for this reason stand here instead.
for (const target of ['/a%', '/a%zz', '/%C0%AF', '/%FF', '/health%']) {
  test(`Fastify itself refuses ${target}, which it cannot decode, before a guard or a handler`, async () => {
    const world = createWorld()
    const services = createServices('fastify', 'https', world)
    const given = { preset: 'mtls', certificate: 'orders', target } as const
    const service = await services.get(given)
    const answer = await send(given, service, 'https', world, () => {})
    assert.equal(answer.status, 400)
    assert.match(fieldOf(answer, 'content-type') ?? '', /^application\/json/)
    assert.match(answer.body, /"code":"FST_ERR_BAD_URL"/)
    assert.deepEqual(service.handled, [])
    await services.close()
    world.close()
  })
}
