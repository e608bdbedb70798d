import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Recorder, SecurityEvent } from '@countersign/core'
import { createGuard } from '@countersign/guard'
import { runtimeNotice } from '../dist/runtime-notice.js'

test('names the first safe release of a line, and warns of lines that get no fixes', () => {
  for (const version of ['v22.23.2', 'v22.23.3', 'v24.18.1', 'v24.21.0', 'v26.5.1', 'v26.10.0', 'v28.0.0'])
    assert.equal(runtimeNotice(version), null, version)
  assert.match(runtimeNotice('v22.23.1') ?? '', /known TLS hole: run 22\.23\.2 or later/)
  assert.match(runtimeNotice('v24.9.0') ?? '', /run 24\.18\.1 or later/)
  assert.match(runtimeNotice('v26.5.0') ?? '', /run 26\.5\.1 or later/)
  for (const version of ['v20.20.2', 'v23.11.0', 'v25.0.0']) assert.match(runtimeNotice(version) ?? '', /past its end of life/, version)
})

test('says so on a Node without security fixes or with a known hole', async () => {
  const events: SecurityEvent[] = []
  const recorder: Recorder = { wants: () => true, record: (event) => events.push(event) > 0, close: async () => {} }
  const guard = createGuard({
    mtls: null,
    jwt: { issuer: 'https://i.example', audience: 'a', keys: { get: () => undefined, epoch: 0 }, binding: 'if-bound' },
    authorize: 'any-authenticated',
    audit: recorder,
  })
  await guard.close()
  const warned = events.filter(({ kind }) => kind === 'guard.misused').map(({ code }) => code)
  assert.deepEqual(warned, runtimeNotice(process.version) === null ? [] : ['ERR_RUNTIME_UNSAFE'])
})
