import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { ADAPTERS } from '../conformance/adapters.js'
import { HOST } from '../conformance/certificates.js'
import { presetsOf } from '../conformance/presets.js'
import { bytesOf, type Field, rawConnection } from '../conformance/raw-http1.js'
import type { Given } from '../conformance/row.js'
import { send } from '../conformance/send.js'
import { AUTHORITY, TRANSPORTS } from '../conformance/servers.js'
import { startService } from '../conformance/service.js'
import { cellNotApplicable } from '../conformance/table.js'
import { createWorld } from '../conformance/world.js'
import { createRandom } from './random.js'

const SEED = 20_261_123
const CLIENTS = 40
const MOST_TURNS = 12

const world = createWorld()
after(() => world.close())

// The runner fails a test for a rejection or an exception that nobody caught, whichever server it came from.
for (const adapter of ADAPTERS) {
  for (const transport of TRANSPORTS) {
    if (cellNotApplicable(adapter, transport) !== null) continue
    test(`${adapter} over ${transport}: ${CLIENTS} clients that hang up in the middle of something break nothing for the next`, async () => {
      const random = createRandom(SEED)
      const { 'certificate-and-token': options } = presetsOf(world)
      const service = await startService(adapter, transport, world, {
        ...options,
        mtls: null,
        require: 'all',
        jwt: { ...options.jwt, binding: 'if-bound' },
        authorize: 'any-authenticated',
      })
      const fields: Field[] = [
        ['Host', AUTHORITY],
        ['Authorization', `Bearer ${world.tokens.of('unbound')}`],
        ['Content-Length', '5'],
      ]
      const whole = bytesOf({ method: 'POST', target: '/', fields, body: 'hello' })
      await Promise.all(
        Array.from({ length: CLIENTS }, async () => {
          const end = random.below(whole.length + 1)
          const turns = random.below(MOST_TURNS)
          const connection = rawConnection(await service.connect({ credential: null, serverName: HOST, loadsAnything: false }))
          void connection.exchange(whole.subarray(0, random.percent(50) ? whole.length : end), [])
          for (let count = 0; count < turns; count++) await turn()
          connection.destroy()
        }),
      )
      const given: Given = { preset: 'certificate-and-token', token: 'unbound' }
      const answer = await send(given, service, transport, world, () => {})
      assert.equal(answer.status, 200, answer.body)
      await service.close()
    })
  }
}
