import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'

const START = `
  import { createRecorder } from '@countersign/audit'
  const denied = (n) => ({ kind: 'request.denied', severity: 'warn', code: 'ERR_FORBIDDEN', message: 'denied', facts: { n } })
  const allowed = (n) => ({ kind: 'request.allowed', severity: 'info', message: 'allowed', facts: { n, filler: 'x'.repeat(200) } })
  const clock = { nowMs: () => 1_700_000_000_000 }
`

const HALF_A_BUFFER = 2 * 1024 * 1024

/** A process of its own whose stdout is a pipe: the default logger as a service has it. */
function run(t: TestContext, script: string): ChildProcess {
  const child = spawn(process.execPath, ['--input-type=module', '-e', START + script], {
    cwd: import.meta.dirname,
    stdio: 'pipe',
  })
  t.after(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  })
  return child
}

async function outputOf(child: ChildProcess): Promise<{ readonly out: string; readonly error: string; readonly code: number }> {
  let [out, error] = ['', '']
  child.stdout?.on('data', (chunk) => {
    out += chunk
  })
  child.stderr?.on('data', (chunk) => {
    error += chunk
  })
  const [code] = await once(child, 'close')
  return { out, error, code }
}

test('by default lines of JSON go to stdout, with the time of the clock', async (t) => {
  const { out, code } = await outputOf(run(t, 'const r = createRecorder({}, { clock }); r.record(denied(1)); await r.close()'))
  assert.equal(code, 0)
  const { pid, hostname, ...line } = JSON.parse(out)
  assert.deepEqual(line, {
    level: 'warn',
    time: '2023-11-14T22:13:20.000Z',
    kind: 'request.denied',
    code: 'ERR_FORBIDDEN',
    sequence: 1,
    detail: 'denied',
    n: 1,
    msg: 'access_denied',
  })
  assert.ok(Number.isSafeInteger(pid) && typeof hostname === 'string')
})

test('what was recorded before the process exits is written, closed or not', async (t) => {
  const { out } = await outputOf(
    run(t, 'const r = createRecorder({ allowed: "all" }, { clock }); for (let n = 0; n < 1000; n++) r.record(allowed(n)); process.exit(0)'),
  )
  assert.equal(out.trim().split('\n').length, 1000)
  assert.equal(JSON.parse(out.trim().split('\n')[999] ?? '')['n'], 999)
})

test('a reader that does not read neither blocks the service nor fills its memory: lines are dropped and counted', async (t) => {
  const child = run(
    t,
    `
    const r = createRecorder({ allowed: 'all' }, { clock })
    for (let n = 0; n < 200_000; n++) { r.record(allowed(n)); if (n % 1000 === 0) await new Promise(setImmediate) }
    process.stderr.write(String(process.memoryUsage().rss))
    process.stdin.once('data', () => { r.record(denied(1)); r.close(); process.stdin.destroy() })
  `,
  )
  const [rss] = await once(child.stderr ?? child, 'data')
  assert.ok(Number(rss) < 300_000_000, String(rss))
  let read = 0
  child.stdout?.on('data', (chunk) => {
    read += chunk.length
    if (read > HALF_A_BUFFER && child.stdin?.writableEnded === false) child.stdin.end('go on')
  })
  const { out, code } = await outputOf(child)
  assert.equal(code, 0)
  const lines = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  assert.equal(lines.at(-1)['msg'], 'access_denied')
  const dropped = lines.reduce((sum, line) => sum + (line['dropped'] ?? 0), 0)
  assert.ok(dropped > 0)
  assert.equal(lines.length + dropped, 200_001)
})

test('with refuse a full buffer is reported, so that the request does not go on', async (t) => {
  const child = run(
    t,
    `
    const r = createRecorder({ allowed: 'all', whenUnavailable: 'refuse' }, { clock })
    let n = 0
    while (n < 200_000 && r.record(allowed(n))) n++
    process.stderr.write(n < 200_000 ? 'refused' : 'took all')
    process.exit(0)
  `,
  )
  child.stdout?.resume()
  assert.equal((await outputOf(child)).error, 'refused')
})

test('a reader that goes away does not end the service', async (t) => {
  const child = run(
    t,
    `
    const r = createRecorder({ allowed: 'all' }, { clock })
    let n = 0
    const timer = setInterval(() => { r.record(allowed(n++)); if (n === 50) { clearInterval(timer); r.close().then(() => process.stderr.write('closed')) } }, 2)
  `,
  )
  child.stdout?.destroy()
  const { error, code } = await outputOf(child)
  assert.deepEqual([error, code], ['closed', 0])
})

test('with refuse a reader that went away is reported, so that the request does not go on', async (t) => {
  const child = run(
    t,
    `
    const r = createRecorder({ allowed: 'all', whenUnavailable: 'refuse' }, { clock })
    let n = 0
    while (r.record(allowed(n++))) await new Promise(setImmediate)
    await r.close()
    process.stderr.write('refused')
  `,
  )
  child.stdout?.destroy()
  assert.equal((await outputOf(child)).error, 'refused')
})
