import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { createDevAuthority, createSelfSigned, nameConstraintsExtension, openDevAuthority } from '@countersign/issuer'
import { openssl, temporaryFolder } from './openssl.js'

const ID = 'spiffe://prod.example/orders'
const strict = ['verify', '-x509_strict', '-purpose', 'sslclient', '-CAfile', 'ca', '-untrusted', 'mid', 'leaf']

for (const [name, options] of [
  ['EC P-256', { key: 'ec' }],
  ['RSA 3072', { key: 'rsa' }],
  ['RSA 2048 with PSS', { key: 'rsa', rsaBits: 2048, rsaPss: true }],
  ['Ed25519', { key: 'ed25519' }],
  ['a brought P-384 key with SHA-384', { key: generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey, hash: 'sha384' }],
] as const) {
  test(`openssl accepts root, intermediate and leaf of ${name}`, (t) => {
    const { key: _, ...signature } = options
    const root = createDevAuthority({ trustDomain: 'prod.example', ...options })
    const intermediate = root.issueAuthority({ name: 'Intermediate', pathLength: 0, ...signature })
    const leaf = intermediate.issue({ spiffeId: ID, dns: ['orders'], ...signature })
    const files = { ca: root.certificatePem, mid: intermediate.certificatePem, leaf: leaf.certificatePem }
    assert.match(openssl(t, strict, files), /: OK/)
  })
}

test('openssl refuses a leaf whose intermediate is missing', (t) => {
  const root = createDevAuthority()
  const leaf = root.issueAuthority({ name: 'Intermediate' }).issue({ dns: ['orders'] })
  assert.throws(
    () => openssl(t, strict, { ca: root.certificatePem, mid: root.certificatePem, leaf: leaf.certificatePem }),
    /unable to get local issuer/,
  )
})

test('openssl refuses an intermediate below a path length of 0', (t) => {
  const root = createDevAuthority({ pathLength: 0 })
  const intermediate = root.issueAuthority({ name: 'Intermediate' })
  const leaf = intermediate.issue({ dns: ['orders'] })
  const files = { ca: root.certificatePem, mid: intermediate.certificatePem, leaf: leaf.certificatePem }
  assert.throws(() => openssl(t, strict, files), /path length constraint exceeded/)
})

test('openssl enforces the name constraints of an authority', (t) => {
  const root = createDevAuthority()
  const permitted = { dns: ['prod.example'], ip: ['10.0.0.0/255.0.0.0', '2001:db8::/ffff:ffff::'] }
  const intermediate = root.issueAuthority({ name: 'Intermediate', extensions: [nameConstraintsExtension({ permitted })] })
  const files = (dns: string, ip: string) => {
    const leaf = intermediate.issue({ commonName: '', dns: [dns], ip: [ip] })
    return { ca: root.certificatePem, mid: intermediate.certificatePem, leaf: leaf.certificatePem }
  }
  assert.match(openssl(t, strict, files('orders.prod.example', '10.1.2.3')), /: OK/)
  assert.match(openssl(t, strict, files('orders.prod.example', '2001:db8::7')), /: OK/)
  assert.throws(() => openssl(t, strict, files('orders.evil.example', '10.1.2.3')), /permitted subtree violation/)
  assert.throws(() => openssl(t, strict, files('orders.prod.example', '11.1.2.3')), /permitted subtree violation/)
})

test('openssl reads every part of a leaf as it was asked for', (t) => {
  const authority = createDevAuthority({ name: 'Root A' })
  const leaf = authority.issue({
    commonName: 'Ordérs',
    spiffeId: ID,
    uris: ['https://orders.example/'],
    dns: ['orders', 'localhost'],
    ip: ['127.0.0.1', '::1', '2001:db8::7'],
    email: ['orders@prod.example'],
    extendedKeyUsage: ['clientAuth', '1.3.6.1.4.1.311.10.3.4'],
    keyUsage: ['digitalSignature', 'keyAgreement', 'decipherOnly'],
    serialNumber: '80ff',
    validFrom: new Date('2049-12-31T23:59:59Z'),
    validSeconds: 1,
    extensions: [{ oid: '1.3.6.1.4.1.99999.1', critical: true, value: Buffer.from('0500', 'hex') }],
  })
  const text = openssl(t, ['x509', '-in', 'leaf', '-noout', '-text', '-nameopt', 'utf8'], { leaf: leaf.certificatePem })
  const names =
    'URI:spiffe://prod.example/orders, URI:https://orders.example/, DNS:orders, DNS:localhost, IP Address:127.0.0.1, ' +
    'IP Address:0:0:0:0:0:0:0:1, IP Address:2001:DB8:0:0:0:0:0:7, email:orders@prod.example'
  for (const part of [
    'Version: 3 (0x2)',
    'Serial Number: 33023 (0x80ff)',
    'Issuer: CN=Root A',
    'Subject: CN=Ordérs',
    'Not Before: Dec 31 23:59:59 2049 GMT',
    'Not After : Jan  1 00:00:00 2050 GMT',
    'NIST CURVE: P-256',
    'CA:FALSE',
    'Digital Signature, Key Agreement, Decipher Only',
    'TLS Web Client Authentication, Microsoft Encrypted File System',
    names,
    'X509v3 Subject Key Identifier',
    'X509v3 Authority Key Identifier',
    '1.3.6.1.4.1.99999.1: critical',
  ]) {
    assert.ok(text.includes(part), `${part} is missing in\n${text}`)
  }
})

test('node:crypto finds the key, the issuer and the names of a leaf', () => {
  const authority = createDevAuthority()
  const leaf = authority.issue({ spiffeId: ID })
  const certificate = new X509Certificate(leaf.certificatePem)
  assert.ok(certificate.checkPrivateKey(createPrivateKey(leaf.keyPem)))
  assert.ok(certificate.checkIssued(new X509Certificate(authority.certificatePem)))
  assert.ok(certificate.verify(new X509Certificate(authority.certificateDer).publicKey))
  assert.equal(certificate.subjectAltName, `URI:${ID}`)
  assert.equal(certificate.serialNumber.toLowerCase(), leaf.serialNumber)
  assert.equal(certificate.fingerprint256.replaceAll(':', '').toLowerCase(), leaf.fingerprint256)
  assert.equal(new Date(certificate.validTo).getTime(), leaf.validTo.getTime())
})

test('marks the names critical where the subject is empty, and leaves the extension out without names', (t) => {
  const authority = createDevAuthority()
  const text = (pem: string) => openssl(t, ['x509', '-in', 'leaf', '-noout', '-text'], { leaf: pem })
  assert.match(text(authority.issue({ commonName: '', dns: ['orders'] }).certificatePem), /Alternative Name: critical/)
  assert.match(text(authority.issue({ dns: ['orders'] }).certificatePem), /Alternative Name: \n/)
  assert.doesNotMatch(text(authority.issue({}).certificatePem), /Alternative Name/)
})

test('an asked extension takes the place of the usual one', () => {
  const broken = { oid: '2.5.29.17', value: Buffer.from('30028200', 'hex') }
  const certificate = new X509Certificate(createDevAuthority().issue({ dns: ['orders'], extensions: [broken] }).certificateDer)
  assert.equal(certificate.subjectAltName, 'DNS:')
})

test('a chain holds the leaf and its intermediates, and never the root', () => {
  const root = createDevAuthority()
  const outer = root.issueAuthority({ name: 'Outer' })
  const inner = outer.issueAuthority({ name: 'Inner' })
  const leaf = inner.issue({ dns: ['orders'] })
  assert.deepEqual(leaf.chainDer, [leaf.certificateDer, inner.certificateDer, outer.certificateDer])
  assert.equal(leaf.chainPem, leaf.certificatePem + inner.certificatePem + outer.certificatePem)
  assert.equal(root.issue({ dns: ['orders'] }).chainDer.length, 1)
})

test('a self-signed leaf is its own issuer', () => {
  const certificate = new X509Certificate(createSelfSigned({ spiffeId: ID }).certificateDer)
  assert.ok(certificate.verify(certificate.publicKey))
  assert.equal(certificate.issuer, certificate.subject)
  assert.equal(certificate.ca, false)
})

test('an opened authority issues under the same name and key identifier', (t) => {
  const made = createDevAuthority({ name: 'Kept' })
  const opened = openDevAuthority({ certificatePem: made.certificatePem, keyPem: made.keyPem })
  const leaf = opened.issue({ dns: ['orders'] })
  const files = { ca: made.certificatePem, mid: made.certificatePem, leaf: leaf.certificatePem }
  assert.match(openssl(t, strict, files), /: OK/)
  assert.equal(leaf.chainDer.length, 1)
})

test('an authority of openssl can be opened, and keeps its key identifier', (t) => {
  const folder = temporaryFolder(t)
  const [keyFile, certificateFile] = [join(folder, 'key'), join(folder, 'ca')]
  const usage = 'keyUsage=critical,keyCertSign,cRLSign'
  const subject = ['-subj', '/C=DE/O=Countersign + Söhne/CN=Theirs', '-utf8', '-addext', usage]
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', keyFile, '-out', certificateFile, ...subject], {
    stdio: 'pipe',
  })
  const certificatePem = readFileSync(certificateFile, 'utf8')
  const authority = openDevAuthority({ certificatePem, keyPem: readFileSync(keyFile, 'utf8') })
  const leaf = authority.issue({ dns: ['orders'] })
  assert.match(openssl(t, strict, { ca: certificatePem, mid: certificatePem, leaf: leaf.certificatePem }), /: OK/)
})

test('an opened intermediate goes into the chain of what it issues', () => {
  const intermediate = createDevAuthority().issueAuthority({ name: 'Intermediate' })
  const opened = openDevAuthority({ certificatePem: intermediate.certificatePem, keyPem: intermediate.keyPem })
  assert.deepEqual(
    opened
      .issue({ dns: ['orders'] })
      .chainDer.slice(1)
      .map(hex),
    [hex(intermediate.certificateDer)],
  )
})

test('opens no authority whose key is another, that is no CA, or that is not PEM', () => {
  const authority = createDevAuthority()
  const leaf = authority.issue({ dns: ['orders'] })
  const code = { code: 'ERR_CREDENTIAL_UNREADABLE' }
  assert.throws(() => openDevAuthority({ certificatePem: authority.certificatePem, keyPem: createDevAuthority().keyPem }), code)
  assert.throws(() => openDevAuthority({ certificatePem: leaf.certificatePem, keyPem: leaf.keyPem }), code)
  assert.throws(() => openDevAuthority({ certificatePem: 'not PEM', keyPem: authority.keyPem }), code)
})

test('makes weak certificates only where they are asked for by that name', () => {
  const authority = createDevAuthority({ key: 'rsa', rsaBits: 2048 })
  assert.throws(() => authority.issue({ key: 'rsa', rsaBits: 1024 }), { code: 'ERR_OPTION_INVALID', option: 'request.rsaBits' })
  assert.throws(() => authority.issue({ hash: 'sha1' }), { code: 'ERR_OPTION_INVALID', option: 'request.hash' })
  assert.throws(() => createDevAuthority({ key: 'rsa', rsaBits: 2047 }), { code: 'ERR_OPTION_INVALID', option: 'options.rsaBits' })
  const brought = generateKeyPairSync('rsa', { modulusLength: 1024 })
  assert.throws(() => authority.issue({ key: brought.privateKey }), { code: 'ERR_OPTION_INVALID', option: 'request.key' })
  assert.throws(() => authority.issue({ key: brought.publicKey, dangerouslyWeak: true }), { option: 'request.key' })
  assert.ok(authority.issue({ key: brought.privateKey, dangerouslyWeak: true }))
  const weak = new X509Certificate(authority.issue({ key: 'rsa', rsaBits: 1024, hash: 'sha1', dangerouslyWeak: true }).certificateDer)
  assert.equal(weak.publicKey.asymmetricKeyDetails?.modulusLength, 1024)
})

test('refuses unknown options, wrong SPIFFE IDs and wrong times by name', () => {
  const authority = createDevAuthority()
  const misspelt: object = { spiffeID: ID }
  assert.throws(() => authority.issue(misspelt), { code: 'ERR_OPTION_UNKNOWN', option: 'request.spiffeID' })
  assert.throws(() => authority.issue({ spiffeId: 'spiffe://Prod.example/x' }), { option: 'request.spiffeId' })
  assert.throws(() => authority.issue({ validSeconds: 0 }), { option: 'request.validSeconds' })
  assert.throws(() => authority.issue({ validFrom: new Date(Number.NaN) }), { option: 'request.validFrom' })
  assert.throws(() => authority.issue({ serialNumber: '-1' }), { option: 'request.serialNumber' })
  assert.throws(() => authority.issue({ ip: ['10.0.0.0/8'] }), { option: 'ip' })
  assert.throws(() => authority.issue({ ip: ['localhost'] }), { option: 'ip' })
  assert.throws(() => authority.issue({ extensions: [{ oid: '1.02', value: new Uint8Array(0) }] }), { option: 'oid' })
  assert.throws(() => authority.issue({ extendedKeyUsage: ['3.x'] as never }), { option: 'oid' })
  assert.throws(() => createDevAuthority({ trustDomain: 'prod.example/x' }), { option: 'options.trustDomain' })
})

test('serial numbers are positive and 16 octets long whatever the randomness', () => {
  const serial = (byte: number) => createDevAuthority({ randomBytes: (size) => Buffer.alloc(size, byte) }).issue({}).serialNumber
  assert.equal(serial(0xff), `7f${'ff'.repeat(15)}`)
  assert.equal(serial(0x00), `40${'00'.repeat(15)}`)
})

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
