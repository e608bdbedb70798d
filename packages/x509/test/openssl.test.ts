import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { parseCertificate, pemBlocks } from '@countersign/x509'
import { createOpensslPki, LEAF_EXTENSIONS, type LeafOptions } from './openssl.js'
import { connectionWith, createStage, folder, open, recalled, verdict } from './stage.js'

const workplace = mkdtempSync(join(tmpdir(), 'countersign-openssl-'))
after(() => rmSync(workplace, { recursive: true, force: true }))
const pki = createOpensslPki(workplace)
const trust = { trustDomain: 'prod.example', pem: pki.root }
const rsa = (size: number): string[] => ['-algorithm', 'RSA', '-pkeyopt', `rsa_keygen_bits:${size}`]

function derOf(text: string): Uint8Array {
  const [der] = pemBlocks(text, 'CERTIFICATE') ?? []
  assert.ok(der !== undefined)
  return der
}
const middle = derOf(pki.middle)

const leaves: readonly (readonly [name: string, options: LeafOptions, code: string | null])[] = [
  ['ec', {}, null],
  ['rsa', { key: rsa(2048) }, null],
  ['pss', { key: ['-algorithm', 'RSA-PSS', '-pkeyopt', 'rsa_keygen_bits:2048'] }, null],
  ['ed25519', { key: ['-algorithm', 'ED25519'] }, null],
  ['ed448', { key: ['-algorithm', 'ED448'] }, null],
  ['p521', { key: ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-521'] }, null],
  ['sha512', { digest: 'sha512' }, null],
  ['expired', { to: '20261101000000Z' }, 'ERR_PEER_EXPIRED'],
  [
    'server',
    { extensions: [...LEAF_EXTENSIONS.slice(0, 2), 'extendedKeyUsage=serverAuth', 'subjectAltName=URI:spiffe://prod.example/server'] },
    'ERR_PEER_PURPOSE',
  ],
  ['small', { key: rsa(1024) }, 'ERR_PEER_WEAK_KEY'],
  ['sha1', { digest: 'sha1' }, 'ERR_PEER_WEAK_SIGNATURE'],
  ['encipher', { extensions: ['keyUsage=critical,keyEncipherment', 'subjectAltName=URI:spiffe://prod.example/x'] }, 'ERR_PEER_PURPOSE'],
]

for (const [name, options, code] of leaves) {
  test(`agrees with openssl about its leaf: ${name}`, async (t) => {
    const der = derOf(pki.leaf(name, options))
    const verifier = open(t, { trust })
    assert.equal(await verdict(verifier, connectionWith(der, middle)), code ?? `spiffe://prod.example/${name}`)
    assert.equal(pki.accepts(name, true), code === null)
    assert.equal(await verdict(open(t, { trust }), connectionWith(der)), 'ERR_PEER_UNTRUSTED')
    assert.equal(pki.accepts(name, false), false)
  })
}

test('refuses what openssl lets pass: a CA as a leaf, two URIs', async (t) => {
  const ca = [
    'basicConstraints=critical,CA:TRUE',
    'keyUsage=critical,keyCertSign,digitalSignature',
    'subjectAltName=URI:spiffe://prod.example/ca',
  ]
  const twice = [...LEAF_EXTENSIONS, 'subjectAltName=URI:spiffe://prod.example/a,URI:spiffe://prod.example/b']
  const verifier = open(t, { trust })
  assert.equal(await verdict(verifier, connectionWith(derOf(pki.leaf('ca-leaf', { extensions: ca })), middle)), 'ERR_PEER_IS_CA')
  assert.equal(await verdict(verifier, connectionWith(derOf(pki.leaf('two', { extensions: twice })), middle)), 'ERR_PEER_NAME')
  assert.ok(pki.accepts('ca-leaf', true) && pki.accepts('two', true))
})

test('accepts a chain signed with RSASSA-PSS', async (t) => {
  const { execFileSync } = await import('node:child_process')
  const run = (...args: string[]): void => {
    execFileSync('openssl', args, { cwd: workplace, stdio: 'ignore' })
  }
  run('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', 'by-pss.key')
  run('req', '-new', '-config', 'ca.cnf', '-key', 'by-pss.key', '-subj', '/CN=by-pss', '-out', 'by-pss.csr')
  pki.leaf('by-pss-extensions')
  const signing = ['-CA', 'middle.pem', '-CAkey', 'middle.key', '-set_serial', '77', '-days', '3650']
  const padding = ['-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_pss_saltlen:32', '-sha256']
  const files = ['-extfile', 'by-pss-extensions.ext', '-extensions', 'ext', '-out', 'by-pss.pem']
  run('x509', '-req', '-in', 'by-pss.csr', ...signing, ...padding, ...files)
  const { readFileSync } = await import('node:fs')
  const der = derOf(readFileSync(join(workplace, 'by-pss.pem'), 'utf8'))
  assert.equal(parseCertificate(der).signatureAlgorithm, 'RSASSA-PSS')
  const stage = createStage(Date.parse(new X509Certificate(der).validFrom) + 60_000)
  assert.equal(await verdict(open(t, { trust }, stage), connectionWith(der, middle)), 'spiffe://prod.example/by-pss-extensions')
})

test('reads from its certificates what Node reads from them', () => {
  const sans = 'subjectAltName=URI:spiffe://prod.example/names,DNS:names.prod.example,IP:192.0.2.7,IP:2001:db8::1,email:a@prod.example'
  const extensions = [...LEAF_EXTENSIONS, sans, 'certificatePolicies=1.2.3.4,2.5.29.32.0']
  for (const text of [pki.root, pki.middle, pki.leaf('names', { extensions }), pki.leaf('rsa-names', { key: rsa(3072), extensions })]) {
    const ours = parseCertificate(text)
    const theirs = new X509Certificate(text)
    assert.equal(ours.serialNumber, theirs.serialNumber.toLowerCase().replace(/^0+/, ''))
    assert.equal(ours.fingerprint256, theirs.fingerprint256.replaceAll(':', '').toLowerCase())
    assert.equal(ours.validFrom.getTime(), Date.parse(theirs.validFrom))
    assert.equal(ours.validTo.getTime(), Date.parse(theirs.validTo))
    assert.equal(ours.isCa, theirs.ca)
    assert.deepEqual(ours.extendedKeyUsage ?? undefined, theirs.keyUsage)
    assert.equal(ours.subject, theirs.subject.split('\n').reverse().join(','))
    assert.equal(ours.issuer, theirs.issuer.split('\n').reverse().join(','))
    assert.deepEqual(ours.der, new Uint8Array(theirs.raw))
    const { asymmetricKeyType, asymmetricKeyDetails } = theirs.publicKey
    assert.equal(ours.key.type, asymmetricKeyType)
    if (asymmetricKeyDetails?.modulusLength !== undefined) assert.equal(ours.key.bits, asymmetricKeyDetails.modulusLength)
  }
  const { sans: read, policies } = parseCertificate(pki.leaf('names', { extensions }))
  assert.deepEqual(read, {
    dns: ['names.prod.example'],
    uri: ['spiffe://prod.example/names'],
    ip: ['192.0.2.7', '2001:db8::1'],
    email: ['a@prod.example'],
  })
  assert.deepEqual(policies, ['1.2.3.4', '2.5.29.32.0'])
})

test('takes its CRLs: good, revoked, out of date and of another CA', async (t) => {
  const files = folder(t)
  const good = derOf(pki.leaf('kept'))
  const bad = derOf(pki.leaf('dropped'))
  const file = files.write('middle.crl', pki.crl('before'))
  const verifier = open(t, { trust, revocation: { crl: { files: [file] }, scope: 'leaf' } })
  const [kept, dropped] = [connectionWith(good, middle), connectionWith(bad, middle)]
  assert.equal(await verdict(verifier, kept), 'spiffe://prod.example/kept')
  assert.equal(await verdict(verifier, dropped), 'spiffe://prod.example/dropped')

  pki.revoke('dropped')
  files.write('middle.crl', pki.crl('after'))
  assert.equal(verifier.reload(), true)
  assert.equal(recalled(verifier, kept), 'spiffe://prod.example/kept')
  assert.equal(recalled(verifier, dropped), 'ERR_PEER_REVOKED')

  files.write('middle.crl', pki.crl('late', { from: '20261101000000Z', to: '20261102000000Z' }))
  assert.equal(verifier.reload(), true)
  assert.equal(recalled(verifier, kept), 'ERR_PEER_REVOCATION_UNKNOWN')
  assert.equal(recalled(verifier, dropped), 'ERR_PEER_REVOKED')

  const elsewhere = mkdtempSync(join(tmpdir(), 'countersign-openssl-'))
  t.after(() => rmSync(elsewhere, { recursive: true, force: true }))
  files.write('middle.crl', createOpensslPki(elsewhere).crl('forged'))
  assert.equal(verifier.reload(), true)
  assert.equal(recalled(verifier, kept), 'ERR_PEER_REVOCATION_UNKNOWN')
})
