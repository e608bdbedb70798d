import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const main = fileURLToPath(new URL('main.js', import.meta.url))

test('the demo answers every call as it has to, and ends by itself', async () => {
  const demo = spawn(process.execPath, [main], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [output, [exitCode]] = await Promise.all([text(demo.stdout), once(demo, 'exit')])
  assert.equal(exitCode, 0)
  assert.match(output, /16 of 16 answers were as they had to be/)
  for (const code of [
    'ERR_PEER_MISSING',
    'ERR_PEER_UNTRUSTED',
    'ERR_FORBIDDEN',
    'ERR_TARGET_NOT_CANONICAL',
    'ERR_TOKEN_MISSING',
    'ERR_TOKEN_BINDING',
    'ERR_TOKEN_SIGNATURE',
    'ERR_TOKEN_AUDIENCE',
    'ERR_SCOPE_INSUFFICIENT',
    'ERR_QUOTA_EXCEEDED',
  ]) {
    assert.match(output, new RegExp(`${code}\\b`))
  }
})

test('with --serve it goes on until it is told to end', async () => {
  const demo = spawn(process.execPath, [main, '--serve'], { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  for await (const chunk of demo.stdout.iterator({ destroyOnReturn: false })) {
    output += String(chunk)
    if (/https:\/\/localhost:\d+\/entries\n/.test(output)) break
  }
  assert.match(output, /curl --cacert .*ca\.pem https:\/\/localhost:\d+\/invoices/)
  demo.kill('SIGTERM')
  const [exitCode] = await once(demo, 'exit')
  assert.equal(exitCode, 0)
})
