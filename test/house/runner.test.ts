import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { ROOT } from './root.js'

interface Exit {
  readonly code: number
  readonly output: string
  readonly lastLine: string
}

function node(cwd: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Exit> {
  const inherited: NodeJS.ProcessEnv = { ...process.env, CI: '', ...env }
  delete inherited['NODE_TEST_CONTEXT']
  delete inherited['NODE_OPTIONS']
  return new Promise((resolve) => {
    execFile(process.execPath, args, { cwd, env: inherited }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1
      resolve({ code, output: stdout + stderr, lastLine: stdout.trimEnd().split('\n').at(-1) ?? '' })
    })
  })
}

/** A small repository of our layout, with these files in it. */
function repository(t: TestContext, files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), 'countersign-runner-'))
  t.after(() => rmSync(root, { recursive: true, force: true }))
  for (const [path, text] of Object.entries({
    'package.json': '{ "type": "module" }',
    'packages/a/package.json': '{ "type": "module" }',
    ...files,
  })) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  return root
}

/** A test, written and compiled. */
function compiled(folder: string, name: string, body: string): Record<string, string> {
  const text = `import assert from 'node:assert/strict'\nimport { test } from 'node:test'\n${body}\n`
  return { [`${folder}/test/${name}.test.ts`]: text, [`${folder}/dist-test/${name}.test.js`]: text }
}

const run = (root: string, ...args: string[]): Promise<Exit> => node(root, [join(ROOT, 'test/run.mjs'), '--root', root, ...args])
const passing = (name: string): Record<string, string> => compiled('packages/a', name, `test('${name} holds', () => assert.ok(true))`)

test('adds up what every suite did and is green only if all of it is', async (t) => {
  const extra = compiled('packages/a', 'skips', `test('needs a tool', { skip: 'the tool is not installed' }, () => {})`)
  const { code, output, lastLine } = await run(
    repository(t, { ...passing('first'), ...passing('second'), ...extra }),
    '--only',
    'packages/',
  )
  assert.equal(lastLine, '2 passed, 0 failed, 1 skipped')
  assert.equal(code, 0)
  assert.match(output, /^ℹ pass 2$/m, "the closing lines of node's own runner are there")
  assert.match(output, /needs a tool: the tool is not installed/)
})

test('is red for a failed test, and shows it', async (t) => {
  const bad = compiled('packages/a', 'bad', `test('two is three', () => assert.equal(2, 3))`)
  const { code, output, lastLine } = await run(repository(t, { ...passing('good'), ...bad }), '--only', 'packages/')
  assert.equal(lastLine, '1 passed, 1 failed, 0 skipped')
  assert.equal(code, 1)
  assert.match(output, /two is three/)
})

test('is red for a test file that ends before its tests do', async (t) => {
  for (const [name, body] of [
    [
      'crashes',
      `test('x', () => assert.ok(true))\nprocess.nextTick(() => process.exit(3))\nawait new Promise((done) => setTimeout(done, 50))`,
    ],
    ['does not load', `import './gone.js'`],
    ['rejects behind our back', `test('x', () => { Promise.reject(new Error('late')) })`],
  ] as const) {
    const { code, lastLine } = await run(repository(t, compiled('packages/a', 'broken', body)), '--only', 'packages/')
    assert.equal(code, 1, name)
    assert.match(lastLine, /, [1-9]\d* failed, /, name)
  }
})

test('is red where there is nothing to run', async (t) => {
  const red = async (files: Readonly<Record<string, string>>, reason: RegExp, ...args: string[]): Promise<void> => {
    const { code, output, lastLine } = await run(repository(t, files), ...args)
    assert.equal(code, 1)
    assert.match(lastLine, /^0 passed, 1 failed, 0 skipped$/)
    assert.match(output, reason)
  }
  await red({}, /packages\/a\/dist-test is missing/, '--only', 'packages/')
  await red({ 'packages/a/dist-test/x.js': '' }, /no test in packages\/a\/test/, '--only', 'packages/')
  await red(
    { 'packages/a/test/x.test.ts': '', 'packages/a/dist-test/y.js': '' },
    /not compiled: packages\/a\/test\/x\.test\.ts/,
    '--only',
    'packages/',
  )
  await red({ 'packages/a/dist-test/x.test.js': '' }, /its source is gone: packages\/a\/dist-test\/x\.test\.js/, '--only', 'packages/')
  await red({ 'examples/a/package.json': '{}' }, /no test in examples\/a\/src|examples\/a\/dist is missing/, '--only', 'examples/')
  await red({ 'examples/a/package.json': '{ "exports": {} }' }, /no suite is named like examples/, '--only', 'examples/')
  await red(passing('x'), /no suite is named like kubernetes/, '--only', 'kubernetes')
  await red(passing('x'), /cannot be run/, '--node', '/nowhere/node')
})

test('is red for a file that holds no test at all', async (t) => {
  // Node itself calls such a file a test that passed.
  const { code, output, lastLine } = await run(repository(t, compiled('packages/a', 'empty', 'assert.ok(test)')), '--only', 'packages/')
  assert.equal(lastLine, '0 passed, 1 failed, 0 skipped')
  assert.equal(code, 1)
  assert.match(output, /holds no test: .*empty\.test\.js/)
})

test('a Node that cannot be had is reported, and is red in CI', async (t) => {
  const files = {
    ...compiled('packages/node', 'wire', `test('x', () => assert.ok(true))`),
    'packages/node/package.json': '{ "type": "module" }',
  }
  const root = repository(t, files)
  // No npm on the path: nothing can be installed.
  const bin = join(root, 'bin')
  mkdirSync(bin)
  symlinkSync(process.execPath, join(bin, 'node'))
  const args = [join(ROOT, 'test/run.mjs'), '--root', root, '--only', 'packages/node', '--matrix']
  const offline = await node(root, args, { PATH: bin })
  assert.equal(offline.code, 0)
  assert.match(offline.output, /not run: 1 suite on Node \d+\.\d+\.\d+: no binary of Node/)
  assert.equal(offline.lastLine, '1 passed, 0 failed, 0 skipped')
  const ci = await node(root, args, { PATH: bin, CI: 'true' })
  assert.equal(ci.code, 1)
  assert.match(ci.lastLine, /^1 passed, [1-9]\d* failed, 0 skipped$/)
})

test('a server that cannot be had is reported with what to install, and is red in CI', async (t) => {
  const body = `import assert from 'node:assert/strict'\nimport { test } from 'node:test'\ntest('x', () => assert.ok(true))\n`
  const root = repository(t, {
    ...passing('first'),
    'test/proxies/proxy.test.ts': body,
    'test/dist/proxies/proxy.test.js': body,
    'test/redis/store.test.ts': body,
    'test/dist/redis/store.test.js': body,
  })
  // Neither a server nor an installer on the path.
  const bin = join(root, 'bin')
  mkdirSync(bin)
  symlinkSync(process.execPath, join(bin, 'node'))
  const args = [join(ROOT, 'test/run.mjs'), '--root', root]
  const without = await node(root, args, { PATH: bin })
  assert.equal(without.code, 0)
  assert.match(without.output, /^not run: test\/proxies: nginx is not installed: .*; caddy is not installed/m)
  // Each suite asks for its own servers alone.
  assert.match(without.output, /^not run: test\/redis: redis-server is not installed: [^;]*$/m)
  assert.equal(without.lastLine, '1 passed, 0 failed, 0 skipped')
  const ci = await node(root, args, { PATH: bin, CI: 'true' })
  assert.equal(ci.code, 1)
  for (const name of ['nginx', 'redis-server']) assert.match(ci.output, new RegExp(`${name} is not installed`))
  assert.equal(ci.lastLine, '1 passed, 2 failed, 0 skipped')
})

test('the servers that are there are found and used, beside the path of ordinary programs too', async (t) => {
  const body = `import assert from 'node:assert/strict'\nimport { test } from 'node:test'\ntest('x', () => assert.ok(true))\n`
  const root = repository(t, { 'test/proxies/proxy.test.ts': body, 'test/dist/proxies/proxy.test.js': body })
  const answers = {
    'sbin/nginx': 'nginx version: nginx/1.2.3',
    'sbin/haproxy': 'HAProxy version 1.2.3 2026/01/01',
    'sbin/apache2': 'Server version: Apache/1.2.3 (Debian)',
    'bin/caddy': 'v1.2.3 h1:abc',
    'bin/openssl': 'OpenSSL 1.2.3 1 Jan 2026',
  }
  mkdirSync(join(root, 'bin'))
  mkdirSync(join(root, 'sbin'))
  symlinkSync(process.execPath, join(root, 'bin/node'))
  for (const [path, answer] of Object.entries(answers)) {
    // As nginx does, on the other stream.
    const stream = path.endsWith('nginx') ? 'stderr' : 'stdout'
    writeFileSync(join(root, path), `#!${process.execPath}\nprocess.${stream}.write(${JSON.stringify(`${answer}\n`)})\n`, { mode: 0o755 })
  }
  const { code, output, lastLine } = await node(root, [join(ROOT, 'test/run.mjs'), '--root', root, '--only', 'test/'], {
    PATH: join(root, 'bin'),
  })
  assert.equal(code, 0, output)
  for (const name of ['nginx', 'haproxy', 'apache2', 'caddy', 'openssl']) assert.match(output, new RegExp(`^${name} 1\\.2\\.3$`, 'm'))
  assert.equal(lastLine, '1 passed, 0 failed, 0 skipped')
})

test('deletes what was compiled from a source that is gone, and nothing else', async (t) => {
  const root = repository(t, {
    'packages/a/src/kept.ts': '',
    'packages/a/dist/kept.js': '',
    'packages/a/dist/kept.d.ts.map': '',
    'packages/a/dist/.tsbuildinfo': '',
    'packages/a/dist/gone.js': '',
    'packages/a/dist/gone.js.map': '',
    'packages/a/dist/deep/gone.d.ts': '',
    'packages/a/dist-test/gone.test.js': '',
    'test/dist/house/gone.js': '',
  })
  assert.equal((await node(root, [join(ROOT, 'test/tools/outputs.mjs')])).code, 0)
  const there = (path: string): boolean => existsSync(join(root, path))
  for (const path of ['dist/kept.js', 'dist/kept.d.ts.map', 'dist/.tsbuildinfo']) assert.ok(there(`packages/a/${path}`), path)
  for (const path of [
    'packages/a/dist/gone.js',
    'packages/a/dist/gone.js.map',
    'packages/a/dist/deep/gone.d.ts',
    'packages/a/dist-test/gone.test.js',
    'test/dist/house/gone.js',
  ])
    assert.ok(!there(path), path)
})

test('nothing that a test does leaves this machine', async (t) => {
  const root = repository(t, {})
  const connecting = (options: string): Promise<Exit> =>
    node(root, [
      `--import=${join(ROOT, 'test/tools/loopback-only.mjs')}`,
      '--input-type=module',
      '--eval',
      `import net from 'node:net'
       try { const socket = net.connect(${options}); socket.on('error', (error) => { console.log(error.code); socket.destroy() }) } catch (error) { console.log(error.code) }`,
    ])
  assert.equal((await connecting(`{ host: '192.0.2.1', port: 443 }`)).lastLine, 'ERR_TEST_LEFT_LOOPBACK')
  assert.equal((await connecting(`443, '2001:db8::1'`)).lastLine, 'ERR_TEST_LEFT_LOOPBACK')
  assert.equal((await connecting(`{ host: 'registry.example', port: 443 }`)).lastLine, 'ERR_TEST_LEFT_LOOPBACK')
  assert.equal((await connecting(`{ host: '127.0.0.1', port: 9 }`)).lastLine, 'ECONNREFUSED')
  assert.equal((await connecting(`{ host: '::1', port: 9 }`)).lastLine.replace('EADDRNOTAVAIL', 'ECONNREFUSED'), 'ECONNREFUSED')
  assert.equal((await connecting(`{ path: '/nowhere/socket' }`)).lastLine, 'ENOENT')
  const fetching = await node(root, [
    `--import=${join(ROOT, 'test/tools/loopback-only.mjs')}`,
    '--input-type=module',
    '--eval',
    `await fetch('https://registry.example/').catch((error) => console.log(error.cause.code))`,
  ])
  assert.equal(fetching.lastLine, 'ERR_TEST_LEFT_LOOPBACK')
})
