import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { createDevAuthority } from '@countersign/issuer'
import { parseCertificate } from '@countersign/x509'
import { createBench, NOW_MS } from './fake-terminal.js'

test('dev says what it wrote and what to try next', async (t) => {
  const answer = await createBench(t).run(['dev', '--for', 'billing,orders'])
  assert.deepEqual(answer, {
    exitCode: 0,
    err: '',
    out: `Development credentials of prod.example in ., until 2027-02-14T08:00:00Z

  ca.pem           the authority, for mtls.trust
  ca-key.pem       its key: whoever reads it can be any service
  billing.pem      spiffe://prod.example/billing, also for billing, localhost, 127.0.0.1 and ::1
  billing-key.pem  its key
  orders.pem       spiffe://prod.example/orders, also for orders, localhost, 127.0.0.1 and ::1
  orders-key.pem   its key
  issuer-key.pem   signs development tokens
  jwks.json        its public key, for jwt.keys

In the service
  const guard = createGuard({ mtls: { trust: 'ca.pem' }, jwt: null, authorize: ['spiffe://prod.example/orders'] })
  app.use(countersign(guard))
  secureServer({ cert: 'billing.pem', key: 'billing-key.pem', guard }, app).listen(8443)

With tokens, in place of jwt: null
  jwt: { issuer: 'https://issuer.prod.example', audience: 'billing', keys: { file: 'jwks.json' }, subjects: [{ trustDomain: 'prod.example' }] }

Then, with your path in place of /
  curl --cacert ca.pem --cert orders.pem --key orders-key.pem https://localhost:8443/
  countersign token --for orders --audience billing
  countersign inspect orders.pem

Keep the files that end in -key.pem out of version control.
`,
  })
})

test('dev says where the files are when it is another folder', async (t) => {
  const { out } = await createBench(t).run(['dev', '--for', 'orders', '--out', 'certs/dev', '--trust-domain', 'shop.example'])
  assert.match(out, /^Development credentials of shop\.example in certs\/dev, /)
  assert.match(out, /--cert certs\/dev\/orders\.pem/)
  assert.match(out, /--for orders --audience your-service --in certs\/dev\n/)
})

for (const key of ['ec', 'rsa']) {
  test(`openssl verifies what dev wrote with --key ${key}, for both ends of a connection`, async (t) => {
    const bench = createBench(t)
    assert.equal((await bench.run(['dev', '--for', 'orders', '--key', key])).exitCode, 0)
    const at = ['-attime', String(NOW_MS / 1000 + 60), '-x509_strict', '-CAfile', bench.file('ca.pem')]
    for (const purpose of [
      ['-purpose', 'sslclient'],
      ['-purpose', 'sslserver', '-verify_hostname', 'orders'],
      ['-purpose', 'sslserver', '-verify_hostname', 'localhost'],
      ['-purpose', 'sslserver', '-verify_ip', '::1'],
    ]) {
      assert.match(execFileSync('openssl', ['verify', ...at, ...purpose, bench.file('orders.pem')], { encoding: 'utf8' }), /: OK/)
    }
    const { key: made } = parseCertificate(readFileSync(bench.file('orders.pem'), 'utf8'))
    assert.equal(made.bits, key === 'ec' ? 256 : 3072)
  })
}

test('every key is readable by its owner alone, and the certificates by all', async (t) => {
  const bench = createBench(t)
  await bench.run(['dev', '--for', 'orders'])
  const modes = Object.fromEntries(readdirSync(bench.folder).map((name) => [name, statSync(bench.file(name)).mode & 0o777]))
  for (const name of ['ca-key.pem', 'orders-key.pem', 'issuer-key.pem']) assert.equal(modes[name], 0o600, name)
  for (const name of ['ca.pem', 'orders.pem']) assert.equal(modes[name], 0o644, name)
})

test('never overwrites without --force, and then only what was named', async (t) => {
  const bench = createBench(t)
  await bench.run(['dev', '--for', 'orders,billing'])
  const before = contents(bench.folder)
  const refused = await bench.run(['dev', '--for', 'shipping,orders'])
  assert.equal(refused.exitCode, 1)
  assert.equal(
    refused.err,
    'countersign dev: nothing was written, since orders.pem and orders-key.pem would be overwritten: add --force to replace\n',
  )
  assert.deepEqual(contents(bench.folder), before)
  assert.equal((await bench.run(['dev', '--for', 'orders', '--force'])).exitCode, 0)
  const after = contents(bench.folder)
  const changed = Object.keys(after).filter((name) => after[name] !== before[name])
  assert.deepEqual(changed, ['orders-key.pem', 'orders.pem'])
})

test('a service that is added later is issued by the authority that is there', async (t) => {
  const bench = createBench(t)
  await bench.run(['dev', '--for', 'orders', '--trust-domain', 'shop.example'])
  const before = contents(bench.folder)
  const answer = await bench.run(['dev', '--for', 'billing'])
  assert.match(answer.out, /ca\.pem +the authority \(was there\)\n/)
  assert.match(answer.out, /spiffe:\/\/shop\.example\/billing/)
  assert.equal(contents(bench.folder)['ca.pem'], before['ca.pem'])
  const at = ['-attime', String(NOW_MS / 1000 + 60)]
  assert.match(
    execFileSync('openssl', ['verify', ...at, '-CAfile', bench.file('ca.pem'), bench.file('billing.pem')], { encoding: 'utf8' }),
    /: OK/,
  )
})

test('no certificate outlives its authority', async (t) => {
  const bench = createBench(t)
  await bench.run(['dev', '--for', 'orders', '--days', '365'])
  const later = { nowMs: () => NOW_MS + 300 * 86_400_000 }
  await bench.run(['dev', '--for', 'billing', '--days', '365'], later)
  const read = (name: string) => parseCertificate(readFileSync(bench.file(name), 'utf8')).validTo.getTime()
  assert.equal(read('billing.pem'), read('ca.pem'))
  const expired = await bench.run(['dev', '--for', 'shipping'], { nowMs: () => NOW_MS + 366 * 86_400_000 })
  assert.equal(expired.exitCode, 1)
  assert.match(expired.err, /has expired: move ca\.pem and ca-key\.pem away/)
})

test('half an authority, a foreign one and one of another trust domain are refused, and nothing is written', async (t) => {
  const bench = createBench(t)
  await bench.run(['dev', '--for', 'orders'])
  const other = await bench.run(['dev', '--for', 'billing', '--trust-domain', 'other.example'])
  assert.deepEqual(
    [other.exitCode, other.err],
    [1, 'countersign dev: ca.pem is the authority of prod.example: choose another folder with --out\n'],
  )

  renameSync(bench.file('ca-key.pem'), bench.file('kept'))
  const half = await bench.run(['dev', '--for', 'billing', '--force'])
  assert.deepEqual(
    [half.exitCode, half.err],
    [1, 'countersign dev: ca.pem is there without ca-key.pem: put it back, or move ca.pem away\n'],
  )

  writeFileSync(bench.file('ca-key.pem'), createDevAuthority().keyPem)
  const foreign = await bench.run(['dev', '--for', 'billing'])
  assert.match(foreign.err, /^countersign dev: ca\.pem and ca-key\.pem cannot be used: they do not belong together/)

  rmSync(bench.file('ca.pem'))
  assert.match((await bench.run(['dev', '--for', 'billing'])).err, /ca-key\.pem is there without ca\.pem/)
  assert.deepEqual(
    readdirSync(bench.folder).filter((name) => name.startsWith('billing')),
    [],
  )
})

test('wrong options are named, exit with 2 and write nothing', async (t) => {
  const bench = createBench(t)
  const usual = ['dev', '--for', 'orders']
  for (const [args, message] of [
    [['dev'], '--for is missing'],
    [['dev', '--for', 'Orders'], '--for takes DNS labels'],
    [['dev', '--for', '../orders'], '--for takes DNS labels'],
    [['dev', '--for', 'orders,,billing'], '--for takes DNS labels'],
    [['dev', '--for', 'ca'], '--for cannot name a service ca'],
    [['dev', '--for', 'issuer'], '--for cannot name a service issuer'],
    [[...usual, '--trust-domain', 'spiffe://x'], '--trust-domain takes a name'],
    [[...usual, '--trust-domain', ''], '--trust-domain takes a name'],
    [[...usual, '--key', 'dsa'], '--key takes ec or rsa'],
    [[...usual, '--days', '0'], '--days takes a whole number from 1 to 365'],
    [[...usual, '--days', '1e2'], '--days takes a whole number from 1 to 365'],
    [[...usual, '--fro', 'x'], "Unknown option '--fro'"],
    [[...usual, 'billing'], "Unexpected argument 'billing'"],
    [['dev', '--for'], "Option '--for <value>' argument missing"],
  ] as const) {
    const answer = await bench.run(args)
    assert.equal(answer.exitCode, 2, args.join(' '))
    assert.equal(answer.out, '')
    assert.ok(answer.err.startsWith(`countersign dev: ${message}`), answer.err)
    assert.ok(answer.err.endsWith('\nTry countersign dev --help\n'), answer.err)
  }
  assert.deepEqual(readdirSync(bench.folder), [])
})

function contents(folder: string): Record<string, string> {
  return Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(`${folder}/${name}`, 'utf8')]))
}
