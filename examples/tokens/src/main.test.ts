import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const main = fileURLToPath(new URL('main.js', import.meta.url))

test('the demo answers every call as it has to, shows a revocation take effect, and ends by itself', async () => {
  const demo = spawn(process.execPath, [main], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [output, [exitCode]] = await Promise.all([text(demo.stdout), once(demo, 'exit')])
  assert.equal(exitCode, 0, output)
  assert.match(output, /11 of 11 answers were as they had to be/)
  assert.match(output, /"caller":"billing","for":"alice","over":\["billing","orders"\]/)
  assert.match(output, /\d+ calls were answered with 200; the next one +401 ERR_TOKEN_REVOKED\n +\d+ ms after the operator asked for it/)
  for (const code of ['ERR_TOKEN_BINDING', 'ERR_SESSION_REPLAYED', 'ERR_SESSION_AUDIENCE', 'ERR_SESSION_ENDED', 'ERR_PEER_REVOKED'])
    assert.match(output, new RegExp(`${code}\\b`))
})

test('a shared store that is not there is said at the start, and nothing is left open', async () => {
  const demo = spawn(process.execPath, [main, '--redis', 'redis://127.0.0.1:1'], { stdio: ['ignore', 'pipe', 'pipe'] })
  const [errors, [exitCode]] = await Promise.all([text(demo.stderr), once(demo, 'exit'), text(demo.stdout)])
  assert.equal(exitCode, 1)
  assert.match(errors, /StateError/)
})
