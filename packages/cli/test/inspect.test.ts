import assert from 'node:assert/strict'
import { createPublicKey, X509Certificate } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { createDevAuthority, createTokenSigner } from '@countersign/issuer'
import { createBench, NOW_MS, withoutRandomness } from './fake-terminal.js'

const clock = { nowMs: () => NOW_MS }

function orders() {
  const intermediate = createDevAuthority({ clock, name: 'Root', trustDomain: 'prod.example' }).issueAuthority({
    name: 'Intermediate',
    pathLength: 0,
  })
  return intermediate.issue({
    spiffeId: 'spiffe://prod.example/orders',
    dns: ['orders', 'localhost'],
    ip: ['::1'],
    validSeconds: 10 * 86_400,
  })
}

test('inspect does not repeat a token that stands where a file belongs', async (t) => {
  const bench = createBench(t)
  const token = createTokenSigner({ issuer: 'https://issuer.prod.example' }).sign({ audience: 'billing', subject: 'orders' })
  const { out, err } = await bench.run(['inspect', token])
  assert.match(err, /takes a token from a file or its input: countersign inspect - < FILE/)
  assert.ok(!`${out}${err}`.includes(token.slice(0, 20)))
})

test('inspect shows a chain', async (t) => {
  const bench = createBench(t)
  writeFileSync(bench.file('orders.pem'), orders().chainPem)
  const answer = await bench.run(['inspect', 'orders.pem'])
  assert.equal(answer.err, '')
  assert.equal(
    withoutRandomness(answer.out),
    `Certificate 1 of 2
  SPIFFE ID      spiffe://prod.example/orders
  subject        CN=orders
  issuer         CN=Intermediate
  names          DNS orders, DNS localhost, IP ::1
  valid          2027-01-15T08:00:00Z to 2027-01-25T08:00:00Z, 10 days left
  use            clientAuth, serverAuth, digitalSignature
  key            ec P-256
  signed with    ecdsa-with-SHA256
  serial number  <serial>
  SHA-256        <sha256>
  x5t#S256       <thumbprint>
  pin            <pin>
  key ID         <key id>
  issuer key ID  <key id>

Certificate 2 of 2
  subject        CN=Intermediate
  issuer         CN=Root
  valid          2027-01-15T08:00:00Z to 2028-01-15T08:00:00Z, 365 days left
  use            authority with at most 0 below it, keyCertSign, cRLSign
  key            ec P-256
  signed with    ecdsa-with-SHA256
  serial number  <serial>
  SHA-256        <sha256>
  x5t#S256       <thumbprint>
  pin            <pin>
  key ID         <key id>
  issuer key ID  <key id>
`,
  )
})

test('the figures agree with those that node:crypto computes', async (t) => {
  const bench = createBench(t)
  const { certificateDer } = orders()
  writeFileSync(bench.file('orders.der'), certificateDer)
  const answer = await bench.run(['inspect', 'orders.der', '--json'])
  const [shown] = JSON.parse(answer.out).certificates
  const certificate = new X509Certificate(certificateDer)
  assert.equal(shown.fingerprint256, certificate.fingerprint256.replaceAll(':', '').toLowerCase())
  assert.equal(shown['x5t#S256'], Buffer.from(shown.fingerprint256, 'hex').toString('base64url'))
  assert.equal(shown.serialNumber, certificate.serialNumber.toLowerCase())
  assert.equal(shown.daysLeft, 10)
  assert.equal(createPublicKey(certificate.publicKey.export({ type: 'spki', format: 'pem' })).asymmetricKeyType, shown.key.type)
})

test('the same is read from a file and from standard input, as PEM and as DER', async (t) => {
  const bench = createBench(t)
  const { certificateDer, certificatePem } = orders()
  writeFileSync(bench.file('orders.pem'), certificatePem)
  const fromFile = await bench.run(['inspect', 'orders.pem'])
  for (const bytes of [certificateDer, Buffer.from(certificatePem), Buffer.from(`text before\n${certificatePem}`)]) {
    assert.deepEqual(await bench.run(['inspect', '-'], { readInput: async () => bytes }), fromFile)
  }
})

test('says when a certificate has expired or is not valid yet', async (t) => {
  const bench = createBench(t)
  writeFileSync(bench.file('orders.pem'), orders().certificatePem)
  const at = async (ms: number) => (await bench.run(['inspect', 'orders.pem'], { nowMs: () => ms })).out
  assert.match(await at(NOW_MS + 10 * 86_400_000 + 3_600_000 * 5), /2027-01-25T08:00:00Z, expired 5 hours ago\n/)
  assert.match(await at(NOW_MS - 1000), /2027-01-25T08:00:00Z, not valid yet\n/)
})

test('inspect shows a token without its signature and says that it is not verified', async (t) => {
  const bench = createBench(t)
  const signer = createTokenSigner({ issuer: 'https://issuer.prod.example', clock })
  const boundTo = createDevAuthority().issue({ dns: ['orders'] })
  const token = signer.sign({
    subject: 'spiffe://prod.example/orders',
    audience: ['billing'],
    scope: 'a b',
    boundTo,
    expiresInSeconds: 600,
  })
  const expected = `Token, not verified: anyone can write a token that says this
  alg  ES256
  typ  at+jwt
  kid  <thumbprint>

Claims
  iss        https://issuer.prod.example
  sub        spiffe://prod.example/orders
  aud        ["billing"]
  client_id  spiffe://prod.example/orders
  scope      a b
  cnf        {"x5t#S256":"<thumbprint>"}
  iat        1800000000  2027-01-15T08:00:00Z
  nbf        1800000000  2027-01-15T08:00:00Z
  exp        1800000600  2027-01-15T08:10:00Z, 10 minutes left
  jti        <jti>
`
  for (const text of [token, `${token}\n`, `Bearer ${token}`]) {
    writeFileSync(bench.file('token'), text)
    const { out } = await bench.run(['inspect', 'token'])
    assert.equal(withoutRandomness(out), expected)
    assert.equal(out.includes(token.split('.')[2] ?? ''), false)
  }
  const json = JSON.parse((await bench.run(['inspect', 'token', '--json'])).out)
  assert.deepEqual([json.kind, json.verified, json.claims.aud], ['token', false, ['billing']])
  assert.equal('signature' in json, false)
})

test('inspect shows a key set, and of a private key that it is one and nothing more', async (t) => {
  const bench = createBench(t)
  const rsa = createTokenSigner({ issuer: 'x', algorithm: 'RS256' }).jwks().keys[0]
  const { kid: _, ...broken } = { ...createTokenSigner({ issuer: 'x' }).jwks().keys[0], d: 'c2VjcmV0', x: 'AA' }
  writeFileSync(bench.file('jwks.json'), JSON.stringify({ keys: [rsa, broken] }))
  const { out } = await bench.run(['inspect', 'jwks.json'])
  assert.equal(
    withoutRandomness(out),
    `Key 1 of 2
  kid         <thumbprint>
  key         RSA 2048 bits
  alg         RS256
  use         sig
  thumbprint  <thumbprint>

Key 2 of 2, private: whoever reads this file can sign
  key         EC P-256
  alg         ES256
  use         sig
  thumbprint  none: the key cannot be read
`,
  )
  assert.ok(out.includes(`thumbprint  ${rsa?.kid}`))
  const { out: json } = await bench.run(['inspect', 'jwks.json', '--json'])
  assert.equal(json.includes('c2VjcmV0'), false)
  assert.equal(JSON.parse(json).keys[1].isPrivate, true)
})

test('inspect shows revocation lists', async (t) => {
  const bench = createBench(t)
  const authority = createDevAuthority({ clock, name: 'Root' })
  const unusable = [{ oid: '1.2.3.4', critical: true, value: Buffer.from('0500', 'hex') }]
  const lists = [
    authority.revocationList({ revoked: [{ serialNumber: '1a' }, { serialNumber: '2b' }] }),
    authority.revocationList({
      revoked: [],
      nextUpdate: new Date(NOW_MS - 7_200_000),
      thisUpdate: new Date(NOW_MS - 86_400_000),
      extensions: unusable,
    }),
  ]
  writeFileSync(bench.file('ca.crl'), lists.join(''))
  const answer = await bench.run(['inspect', 'ca.crl'])
  assert.equal(
    withoutRandomness(answer.out),
    `Revocation list 1 of 2
  issuer         CN=Root
  issuer key ID  <key id>
  valid          2027-01-15T08:00:00Z to 2027-01-16T08:00:00Z, 24 hours left
  entries        2
  signed with    ecdsa-with-SHA256

Revocation list 2 of 2
  issuer         CN=Root
  issuer key ID  <key id>
  valid          2027-01-14T08:00:00Z to 2027-01-15T06:00:00Z, expired 2 hours ago
  entries        0
  signed with    ecdsa-with-SHA256
  not usable     a critical extension
`,
  )
  const body = Buffer.from((lists[0] ?? '').replace(/-----.*-----|\n/g, ''), 'base64')
  const json = JSON.parse((await bench.run(['inspect', '-', '--json'], { readInput: async () => body })).out)
  assert.deepEqual([json.kind, json.lists[0].entries, json.lists[0].nextUpdate], ['revocation-lists', 2, '2027-01-16T08:00:00Z'])
})

test('what a file says cannot steer the terminal', async (t) => {
  const bench = createBench(t)
  const evil = 'a\u001b[2Jb\u009b31mc\u202ed\n\u{e0001}e'
  const shown = 'a\\u{1b}[2Jb\\u{9b}31mc\\u{202e}d\\u{a}\\u{e0001}e'
  const signer = createTokenSigner({ issuer: 'x', clock })
  writeFileSync(bench.file('token'), signer.signExactly({ sub: evil, [evil]: [evil] }))
  writeFileSync(bench.file('jwks'), JSON.stringify({ keys: [{ kty: 'EC', kid: evil }] }))
  writeFileSync(
    bench.file('certificate'),
    createDevAuthority({ clock }).issue({ commonName: evil, dns: [evil.slice(0, 12)] }).certificatePem,
  )
  for (const name of ['token', 'jwks', 'certificate']) {
    const table = (await bench.run(['inspect', name])).out + (await bench.run(['inspect', name])).err
    const json = (await bench.run(['inspect', name, '--json'])).out
    for (const text of [table, json]) assert.doesNotMatch(text.replaceAll('\n', ''), /[\p{Cc}\p{Bidi_Control}]/u, name)
  }
  assert.ok((await bench.run(['inspect', 'jwks'])).out.includes(shown))
  assert.equal(JSON.parse((await bench.run(['inspect', 'token', '--json'])).out).claims.sub, evil)
})

test('bad input is one line and exit code 1', async (t) => {
  const bench = createBench(t)
  const { certificatePem, certificateDer, keyPem } = orders()
  const files: Readonly<Record<string, [contents: string | Uint8Array, message: RegExp]>> = {
    empty: ['', /no certificate, CRL, token or key set/],
    words: ['hello world', /no certificate, CRL, token or key set/],
    json: ['{"a":1}', /no certificate, CRL, token or key set/],
    'cut.pem': [certificatePem.slice(0, 200), /the PEM is damaged/],
    'key.pem': [keyPem, /this is a private key: it is not shown/],
    'ec-key.pem': ['-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----', /this is a private key/],
    'request.pem': [
      '-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----',
      /the PEM holds no certificate and no CRL/,
    ],
    'cut.der': [certificateDer.subarray(0, -1), /cannot be read.*ERR_PEER_UNREADABLE/],
    'bad.jwt': ['eyJh.e30.x', /cannot be read.*ERR_TOKEN_MALFORMED/],
    large: [Buffer.alloc(2_000_000, 0x30), /larger than 1048576 bytes/],
  }
  for (const [name, [contents, message]] of Object.entries(files)) {
    writeFileSync(bench.file(name), contents)
    const answer = await bench.run(['inspect', name])
    assert.equal(answer.exitCode, 1, name)
    assert.equal(answer.out, '')
    assert.match(answer.err, message, name)
    assert.match(answer.err, /^countersign inspect: .*\n$/, name)
    assert.deepEqual(
      await bench.run(['inspect', '-'], { readInput: async () => readFileSync(bench.file(name)) }).then(({ exitCode }) => exitCode),
      1,
    )
  }
  assert.match((await bench.run(['inspect', 'nowhere'])).err, /nowhere cannot be read \(ENOENT\)/)
  assert.match((await bench.run(['inspect', '.'])).err, /\. cannot be read \(EISDIR\)/)
})

test('a file that holds a certificate and a key shows the certificate alone', async (t) => {
  const bench = createBench(t)
  const { certificatePem, keyPem } = orders()
  writeFileSync(bench.file('both.pem'), keyPem + certificatePem)
  const { out } = await bench.run(['inspect', 'both.pem'])
  assert.match(out, /^Certificate\n/)
  assert.equal(out.includes(keyPem.split('\n')[1] ?? ''), false)
})
