import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createTestClock, createTestMesh } from '@countersign/testing'
import { createLocalJWKSet, decodeJwt, jwtVerify } from 'jose'

test('a workload has a certificate of the mesh under its SPIFFE ID', () => {
  const mesh = createTestMesh('prod.example')
  const orders = mesh.workload('/orders')
  const certificate = new X509Certificate(orders.certificatePem)
  assert.equal(orders.id, 'spiffe://prod.example/orders')
  assert.equal(certificate.subjectAltName, 'URI:spiffe://prod.example/orders')
  assert.ok(certificate.verify(new X509Certificate(mesh.trustPem).publicKey))
  assert.ok(certificate.checkPrivateKey(createPrivateKey(orders.keyPem)))
  assert.equal(orders.chainDer.length, 1)
})

test('an intermediate stands between the root and a workload that asks for it', () => {
  const mesh = createTestMesh()
  const { chainDer } = mesh.workload('/orders', { intermediate: true })
  const [leaf, intermediate] = chainDer.map((der) => new X509Certificate(der))
  assert.ok(leaf && intermediate)
  assert.ok(leaf.verify(intermediate.publicKey))
  assert.ok(intermediate.verify(new X509Certificate(mesh.trustPem).publicKey))
})

test('certificates begin at the clock of the mesh and last as long as asked', () => {
  const clock = createTestClock(Date.UTC(2030, 0, 1))
  const mesh = createTestMesh('prod.example', { clock })
  clock.advanceSeconds(60)
  const certificate = new X509Certificate(mesh.workload('/orders', { validSeconds: 5 }).certificateDer)
  assert.equal(certificate.validFrom, 'Jan  1 00:01:00 2030 GMT')
  assert.equal(certificate.validTo, 'Jan  1 00:01:05 2030 GMT')
})

test('the trust source answers for the trust domain of the mesh alone', () => {
  const mesh = createTestMesh('prod.example')
  assert.deepEqual(mesh.trust.get('prod.example'), { trustDomain: 'prod.example', anchors: [mesh.authority.certificateDer] })
  assert.equal(mesh.trust.get('evil.example'), undefined)
  assert.equal(mesh.trust.get(''), undefined)
})

test('jose verifies a token of the mesh by the keys in its options', async () => {
  const mesh = createTestMesh('prod.example')
  const orders = mesh.workload('/orders')
  const { issuer, audience, keys, algorithms } = mesh.jwt({ audience: 'billing' })
  const token = mesh.token({ audience: 'billing', scope: 'invoices:read', boundTo: orders, claims: { tenant: 'acme' } })
  const { payload } = await jwtVerify(token, createLocalJWKSet({ keys: [...keys.jwks] }), {
    issuer,
    audience,
    algorithms: [...algorithms],
    currentDate: new Date(mesh.clock.nowMs()),
  })
  assert.equal(payload.sub, orders.id)
  assert.equal(payload['tenant'], 'acme')
  assert.deepEqual(payload['cnf'], { 'x5t#S256': orders['x5t#S256'] })
})

test('a token without a workload is bound to nothing and speaks for the test', () => {
  const { sub, cnf, exp = 0, iat = 0 } = decodeJwt(createTestMesh('prod.example').token({ audience: 'billing', expiresInSeconds: 60 }))
  assert.deepEqual([sub, cnf, exp - iat], ['spiffe://prod.example/test', undefined, 60])
})

for (const intermediate of [false, true]) {
  test(`openssl refuses a revoked workload ${intermediate ? 'of the intermediate ' : ''}by the CRLs of the mesh, and no other`, (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'countersign-testing-'))
    t.after(() => rmSync(folder, { recursive: true, force: true }))
    const file = (name: string) => join(folder, name)
    const mesh = createTestMesh()
    const [orders, billing] = [mesh.workload('/orders', { intermediate }), mesh.workload('/billing', { intermediate })]
    writeFileSync(file('ca'), mesh.trustPem)
    writeFileSync(file('orders'), orders.chainPem)
    writeFileSync(file('billing'), billing.chainPem)
    const check = (leaf: string) => {
      const lists = ['-crl_check_all', '-CRLfile', file('crl')]
      execFileSync('openssl', ['verify', ...lists, '-CAfile', file('ca'), '-untrusted', file(leaf), file(leaf)], { stdio: 'pipe' })
    }
    mesh.writeCrl(file('crl'))
    check('orders')
    mesh.revoke(orders)
    mesh.writeCrl(file('crl'))
    assert.throws(() => check('orders'), /certificate revoked/)
    check('billing')
    assert.equal(readFileSync(file('crl'), 'utf8').match(/BEGIN X509 CRL/g)?.length, 2)
  })
}

test('refuses what it does not know', () => {
  const mesh = createTestMesh()
  const misspelt: object = { validseconds: 1 }
  assert.throws(() => mesh.workload('orders'), { code: 'ERR_OPTION_INVALID', option: 'path' })
  assert.throws(() => mesh.workload('/orders', misspelt), { code: 'ERR_OPTION_UNKNOWN', option: 'options.validseconds' })
})

test('two meshes of one name do not trust each other', () => {
  const [one, other] = [createTestMesh(), createTestMesh()]
  const certificate = new X509Certificate(one.workload('/orders').certificateDer)
  assert.equal(certificate.verify(new X509Certificate(other.trustPem).publicKey), false)
})
