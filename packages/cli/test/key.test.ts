import assert from 'node:assert/strict'
import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { createGuard } from '@countersign/guard'
import { createBench, NOW_MS } from './fake-terminal.js'

const OWNER = 'spiffe://prod.example/orders'
const KEY = /^csk_[0-9A-Za-z]{16}_[0-9A-Za-z]{49}\n$/
const DAY_MS = 86_400_000
const mode = (file: string): number => statSync(file).mode & 0o777

function recordsIn(file: string) {
  return JSON.parse(readFileSync(file, 'utf8')).keys
}

test('key new shows the key once and its record without it', async (t) => {
  const bench = createBench(t)
  await bench.run(['key', 'hash-key', 'pepper.bin'])
  assert.deepEqual([statSync(bench.file('pepper.bin')).size, mode(bench.file('pepper.bin'))], [32, 0o600])
  const { exitCode, out, err } = await bench.run(['key', 'new', '--for', OWNER, '--hash-key', 'pepper.bin', '--scope', 'a b'])
  assert.equal(exitCode, 0)
  const [text = '', ...json] = out.split('\n')
  assert.match(`${text}\n`, KEY)
  const record = JSON.parse(json.join('\n'))
  assert.deepEqual([record.owner, record.scopes, record.createdAtMs, record.expiresAtMs], [OWNER, ['a', 'b'], NOW_MS, NOW_MS + 90 * DAY_MS])
  assert.ok(!json.join('').includes(text.split('_')[2] ?? text))
  assert.ok(err.includes(record.id) && !err.includes(text))
})

test('key new writes the key and the record to files that their owner alone can read', async (t) => {
  const bench = createBench(t)
  await bench.run(['key', 'hash-key', 'pepper.bin'])
  const args = ['key', 'new', '--for', OWNER, '--hash-key', 'pepper.bin', '--keys', 'keys.json']
  const first = await bench.run([...args, '--out', 'one.key'])
  assert.deepEqual([first.exitCode, first.out], [0, ''])
  const second = await bench.run([...args, '--days', '7', '--prefix', 'abc'])
  assert.match(second.out, /^abc_/)
  assert.match(readFileSync(bench.file('one.key'), 'utf8'), KEY)
  assert.deepEqual([mode(bench.file('one.key')), mode(bench.file('keys.json'))], [0o600, 0o600])
  assert.equal(recordsIn(bench.file('keys.json')).length, 2)
  const again = await bench.run([...args, '--out', 'one.key'])
  assert.equal(again.exitCode, 1)
  assert.equal(recordsIn(bench.file('keys.json')).length, 2, 'no record of a key that nobody has')
})

test('key rotate makes a key that a guard takes beside the old one, and names it in the record', async (t) => {
  const bench = createBench(t)
  await bench.run(['key', 'hash-key', 'pepper.bin'])
  const files = ['--hash-key', 'pepper.bin', '--keys', 'keys.json']
  const old = await bench.run(['key', 'new', '--for', OWNER, ...files])
  const id = old.out.split('_')[1] ?? ''
  const tooSoon = await bench.run(['key', 'rotate', id, ...files])
  assert.deepEqual([tooSoon.exitCode, tooSoon.out], [1, ''])
  assert.match(tooSoon.err, /younger than a day: wait until 2027-01-16T08:00:00\.000Z, or write --emergency/)
  const later = { nowMs: () => NOW_MS + 2 * DAY_MS }
  const fresh = await bench.run(['key', 'rotate', id, ...files], later)
  assert.match(fresh.out, KEY)
  const [first, second] = recordsIn(bench.file('keys.json'))
  assert.deepEqual([first.replacedBy, first.expiresAtMs], [second.id, NOW_MS + 9 * DAY_MS])
  assert.equal(second.history[0].id, id)
  assert.match((await bench.run(['key', 'rotate', id, ...files], later)).err, new RegExp(`was replaced already: rotate ${second.id}`))

  const guard = createGuard({
    mtls: null,
    jwt: null,
    apiKeys: { keys: { file: bench.file('keys.json') }, hashKey: { file: bench.file('pepper.bin') }, owners: [OWNER] },
    authorize: [OWNER],
    audit: null,
    runtime: { clock: later },
  })
  for (const { out } of [old, fresh]) {
    const decision = await guard.decide({
      protocol: 'http/1.1',
      method: 'GET',
      target: '/',
      authority: 'localhost',
      bodyRead: false,
      rawHeaders: [],
      clientAddress: '192.0.2.1',
      header: (name) => (name === 'authorization' ? `ApiKey ${out.trim()}` : null),
      connection: {
        transport: 'tcp',
        remoteAddress: '192.0.2.1',
        proxyAddress: null,
        serverName: null,
        resumed: false,
        certificateRequested: false,
        socketAccess: () => null,
        presented: () => ({ kind: 'none' }),
      },
    })
    assert.equal(decision.allowed ? decision.principal.id : decision.code, OWNER)
  }
  await guard.close()
})

test('key rotate in an emergency ends the old key at once, if it is told to', async (t) => {
  const bench = createBench(t)
  await bench.run(['key', 'hash-key', 'pepper.bin'])
  const files = ['--hash-key', 'pepper.bin', '--keys', 'keys.json']
  const id = (await bench.run(['key', 'new', '--for', OWNER, ...files])).out.split('_')[1] ?? ''
  const answer = await bench.run(['key', 'rotate', id, ...files, '--emergency', '--overlap-hours', '0'])
  assert.equal(answer.exitCode, 0)
  assert.equal(recordsIn(bench.file('keys.json'))[0].expiresAtMs, NOW_MS)
})

test('key says what is wrong, and changes nothing then', async (t) => {
  const bench = createBench(t)
  await bench.run(['key', 'hash-key', 'pepper.bin'])
  writeFileSync(bench.file('weak.bin'), 'changeme-changeme-or-be-sorry-later')
  chmodSync(bench.file('weak.bin'), 0o600)
  await bench.run(['key', 'hash-key', 'open.bin'])
  chmodSync(bench.file('open.bin'), 0o644)
  writeFileSync(bench.file('keys.json'), '{"keys":[{}]}')
  for (const [args, exitCode, said] of [
    [[], 2, /new, rotate or hash-key\?/],
    [['renew'], 2, /there is no 'key renew'/],
    [['new', '--hash-key', 'pepper.bin'], 2, /--for is missing/],
    [['new', '--for', OWNER], 2, /--hash-key is missing/],
    [['new', '--for', OWNER, '--hash-key', 'pepper.bin', '--emergency'], 2, /--emergency is not for key new/],
    [['new', '--for', OWNER, '--hash-key', 'pepper.bin', '--days', '400'], 2, /--days takes a whole number from 1 to 366/],
    [['new', '--for', 'spiffe://', '--hash-key', 'pepper.bin'], 1, /begins like a SPIFFE ID but is none/],
    [['new', '--for', OWNER, '--hash-key', 'weak.bin'], 1, /too weak/],
    [['new', '--for', OWNER, '--hash-key', 'open.bin'], 1, /chmod 600/],
    [['new', '--for', OWNER, '--hash-key', 'pepper.bin', '--keys', 'keys.json'], 1, /record 0/],
    [['rotate', '--keys', 'keys.json'], 2, /which key\?/],
    [['rotate', 'x', '--hash-key', 'pepper.bin'], 2, /--keys is missing/],
    [['rotate', 'x', '--keys', 'pepper.bin', '--hash-key', 'pepper.bin'], 1, /no list of keys/],
    [['hash-key'], 2, /which file\?/],
    [['hash-key', 'pepper.bin'], 1, /EEXIST/],
  ] as const) {
    const answer = await bench.run(['key', ...args])
    assert.deepEqual([answer.exitCode, answer.out], [exitCode, ''], args.join(' '))
    assert.match(answer.err, said, args.join(' '))
  }
  assert.equal(readFileSync(bench.file('keys.json'), 'utf8'), '{"keys":[{}]}')
})
