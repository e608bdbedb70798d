import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { AdapterName } from './adapters.js'
import { checkDenied, checkGranted, checkSecrets } from './check-answer.js'
import { isGranted, type Row } from './row.js'
import { send } from './send.js'
import { isTls, TRANSPORTS, type Transport } from './servers.js'
import { createServices, deniedSince, type Service } from './service.js'
import { cellNotApplicable, rowNotApplicable, TABLE } from './table.js'
import { createWorld, type World } from './world.js'

const ROW_TIMEOUT_MS = 10_000

/** Runs the whole table against one adapter, over every transport, each row a test of its own, and says what was not run and why. */
export function runCells(adapter: AdapterName): void {
  const world = createWorld()
  const total: Count = { run: 0, passed: 0, left: 0 }
  after(() => {
    world.close()
    console.log(`${adapter} in all: ${total.run} rows run, ${total.passed} passed, ${total.left} not applicable`)
  })
  for (const transport of TRANSPORTS) {
    const reason = cellNotApplicable(adapter, transport)
    if (reason === null) runCell(adapter, transport, world, total)
    else console.log(`${adapter} over ${transport}: not applicable: ${reason}`)
  }
}

interface Count {
  run: number
  passed: number
  left: number
}

function runCell(adapter: AdapterName, transport: Transport, world: World, total: Count): void {
  test(`${adapter} over ${transport}`, async (t) => {
    const services = createServices(adapter, transport, world)
    const left = new Map<string, number>()
    let run = 0
    let passed = 0
    for (const row of TABLE) {
      const reason = rowNotApplicable(row, adapter, transport)
      if (reason !== null) {
        left.set(reason, (left.get(reason) ?? 0) + 1)
        continue
      }
      run++
      await t.test(`${row.id}: ${row.claim}`, { timeout: ROW_TIMEOUT_MS }, async () => {
        await runRow(row, await services.get(row.given), transport, world)
        passed++
      })
    }
    await services.close()
    total.run += run
    total.passed += passed
    total.left += TABLE.length - run
    const reasons = [...left].map(([reason, count]) => `${count} not applicable: ${reason}`)
    console.log([`${adapter} over ${transport}: ${run} rows of ${TABLE.length} run, ${passed} passed`, ...reasons].join('\n  '))
  })
}

async function runRow({ given, expected: overTls, clear }: Row, service: Service, transport: Transport, world: World): Promise<void> {
  const expected = isTls(transport) || clear === 'the same' ? overTls : clear
  let eventsBefore = 0
  let handledBefore = 0
  const answer = await send(given, service, transport, world, () => {
    eventsBefore = service.recorder.events.length
    handledBefore = service.handled.length
  })
  const handled = service.handled.slice(handledBefore)
  const codes = deniedSince(service, eventsBefore)
  checkSecrets(answer, service.recorder.events.slice(eventsBefore), given, world)
  if (isGranted(expected)) {
    checkGranted(expected, answer, handled, world, given)
    assert.deepEqual(codes, [])
  } else checkDenied(expected, answer, handled, codes, given.method ?? 'GET')
}
