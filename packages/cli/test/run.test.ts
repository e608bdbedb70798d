import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, statSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { createDevAuthority } from '@countersign/issuer'
import { createBench } from './fake-terminal.js'

const main = fileURLToPath(new URL('../dist/main.js', import.meta.url))

test('help names every command, and each command its options', async (t) => {
  const bench = createBench(t)
  const { out } = await bench.run(['--help'])
  for (const command of ['dev', 'inspect', 'token']) {
    assert.match(out, new RegExp(`^  ${command} `, 'm'))
    const help = await bench.run([command, '--help'])
    assert.ok(help.out.startsWith(`countersign ${command} `))
    assert.deepEqual(await bench.run(['help', command]), help)
    assert.deepEqual(await bench.run([command, '--wrong', '-h']), help)
  }
})

test('version is that of the package', async (t) => {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
  assert.deepEqual(await createBench(t).run(['--version']), { exitCode: 0, out: `${version}\n`, err: '' })
})

test('no command and an unknown command exit with 2', async (t) => {
  const bench = createBench(t)
  assert.deepEqual(await bench.run([]), {
    exitCode: 2,
    out: '',
    err: 'countersign: which command? dev, inspect, key or token\nTry countersign --help\n',
  })
  const err = "countersign: there is no command 'de\\u{1b}v'\nTry countersign --help\n"
  assert.deepEqual(await bench.run(['de\u001bv']), { exitCode: 2, out: '', err })
})

test('a fault of our own is one line without a stack and without its text', async (t) => {
  const readInput = () => Promise.reject(new RangeError('secret'))
  const answer = await createBench(t).run(['inspect', '-'], { readInput })
  assert.deepEqual(answer, { exitCode: 1, out: '', err: 'countersign inspect: failed unexpectedly (RangeError)\n' })
})

test('colours are there only where they are wanted', async (t) => {
  const bench = createBench(t)
  await bench.run(['dev', '--for', 'orders'])
  const coloured = (await bench.run(['inspect', 'orders.pem'], { colour: true })).out
  const plain = (await bench.run(['inspect', 'orders.pem'])).out
  assert.ok(coloured.startsWith('\u001b[1mCertificate\u001b[22m\n'))
  assert.equal(coloured.replace(/\p{Cc}\[\d+m/gu, ''), plain)
})

test('the program itself writes without colours into a pipe, and exits with the code', () => {
  const input = createDevAuthority().certificatePem
  const good = spawnSync(process.execPath, [main, 'inspect', '-'], { input, encoding: 'utf8' })
  assert.equal(good.status, 0)
  assert.match(good.stdout, /^Certificate\n/)
  const bad = spawnSync(process.execPath, [main, 'inspect', '-'], { input: 'nothing', encoding: 'utf8' })
  assert.deepEqual([bad.status, bad.stdout], [1, ''])
  assert.equal(spawnSync(process.execPath, [main, 'dev', '--wrong'], { encoding: 'utf8' }).status, 2)
})

test('keys are 0600 when the program runs under umask 000', (t) => {
  const bench = createBench(t)
  execFileSync('/bin/sh', ['-c', `umask 000; exec "${process.execPath}" "${main}" dev --for orders`], { cwd: bench.folder })
  for (const name of ['ca-key.pem', 'orders-key.pem', 'issuer-key.pem']) assert.equal(statSync(bench.file(name)).mode & 0o777, 0o600, name)
})

test('a reader that goes away is no failure', async () => {
  const child = spawn(process.execPath, [main, '--help'], { stdio: ['ignore', 'pipe', 'pipe'] })
  child.stdout.destroy()
  let complaints = ''
  child.stderr.on('data', (chunk) => {
    complaints += chunk
  })
  const [exitCode] = await once(child, 'close')
  assert.deepEqual([exitCode, complaints], [0, ''])
})
