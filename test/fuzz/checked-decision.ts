import assert from 'node:assert/strict'
import { CODES, catalogueEntry, type Decision, type Inbound, isRefusal } from '@countersign/core'
import type { Guard } from '@countersign/guard'
import type { MemoryRecorder } from '../conformance/memory-recorder.js'

/** A decision that was seen to be one: a grant or a whole denial, with codes of the catalogue in the answer and in the log, and no fault. */
export async function checkedDecision(guard: Guard, recorder: MemoryRecorder, inbound: Inbound): Promise<Decision> {
  const before = recorder.events.length
  const decision = await guard.decide(inbound)
  assert.ok(!isRefusal(decision))
  if (decision.allowed) return decision
  const { code, status, problem, body, headers } = decision
  const { publicCode, status: usual } = catalogueEntry(code)
  assert.equal(publicCode, code, 'what is sent is no code that is kept')
  assert.equal(status, usual)
  assert.deepEqual(JSON.parse(body), problem)
  assert.equal(headers['Content-Length'], String(Buffer.byteLength(body)))
  const [event, ...more] = recorder.events.slice(before).filter(({ kind }) => kind === 'request.denied')
  assert.equal(more.length, 0)
  const written = CODES.find((one) => one === event?.code) ?? assert.fail(`${event?.code} is no code`)
  assert.equal(catalogueEntry(written).publicCode, code)
  assert.notEqual(written, 'ERR_GUARD_FAULT', String(event?.cause))
  return decision
}
