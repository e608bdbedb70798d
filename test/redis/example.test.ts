import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { ROOT } from '../house/root.js'
import { startRedis } from './redis-server.js'

test('the example of the guide shows a revocation reach every process over one Redis', async (t) => {
  const server = await startRedis()
  t.after(() => server.stop())
  const demo = spawn(process.execPath, [join(ROOT, 'examples/tokens/dist/main.js'), '--redis', server.url], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [output, [exitCode]] = await Promise.all([text(demo.stdout), once(demo, 'exit')])
  assert.equal(exitCode, 0, output)
  assert.match(output, /a process each, over one Redis/)
  assert.match(output, /11 of 11 answers were as they had to be/)
  assert.match(output, /the next one +401 ERR_TOKEN_REVOKED\n/)
})
