import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { MisuseError, type Peer } from '@countersign/core'
import type { CertificateRevocationOptions, CertificateVerifier } from '@countersign/x509'
import { bytes, commonName, der, integer, NULL, san, sequence } from './der.js'
import {
  armor,
  DAY_MS,
  ECDSA_SHA1,
  ecKeys,
  extension,
  type ForgeCrlOptions,
  type Forged,
  forge,
  forgeCa,
  forgeCrl,
  NOW_MS,
  pem,
} from './forge.js'
import { connectionOf, connectionWith, createStage, folder, inboundOver, open, recalled, type Stage, verdict } from './stage.js'

const ID = 'spiffe://prod.example/orders'
const root = forgeCa()
const middle = forgeCa({ issuer: root, subject: commonName('middle'), serial: integer(0x80ff) })
const SERIAL = integer(0xf00d)
const orders = forge({ issuer: root, sans: [san.uri(ID)], serial: SERIAL })
const below = forge({ issuer: middle, sans: [san.uri(ID)], serial: SERIAL })
const trust = { trustDomain: 'prod.example', pem: pem(root.der) }

interface Setting extends Omit<CertificateRevocationOptions, 'crl'> {
  readonly crls: readonly Uint8Array[]
  readonly stage?: Stage
}

function withCrls(t: TestContext, { crls, stage = createStage(), ...revocation }: Setting): CertificateVerifier {
  const files = folder(t)
  const crl = { files: crls.map((one, i) => files.write(`${i}.crl`, one)) }
  return open(t, { trust, clockSkewSeconds: 0, revocation: { crl, ...revocation } }, stage)
}

const good = (issuer: Forged = root, options: ForgeCrlOptions = {}): Uint8Array => forgeCrl(issuer, options)

test('accepts what the CRL of its issuer does not list, in DER and PEM', async (t) => {
  const other = good(root, { serials: [integer(1), integer(2n ** 158n)] })
  assert.equal(await verdict(withCrls(t, { crls: [other] }), connectionWith(orders)), ID)
  assert.equal(await verdict(withCrls(t, { crls: [Buffer.from(armor(other, 'X509 CRL'))] }), connectionWith(orders)), ID)
})

test('refuses what is revoked, the leaf or an intermediate', async (t) => {
  assert.equal(await verdict(withCrls(t, { crls: [good(root, { serials: [SERIAL] })] }), connectionWith(orders)), 'ERR_PEER_REVOKED')
  const chain = { crls: [good(root, { serials: [integer(0x80ff)] }), good(middle)] }
  assert.equal(await verdict(withCrls(t, chain), connectionWith(below, middle)), 'ERR_PEER_REVOKED')
  assert.equal(await verdict(withCrls(t, { ...chain, scope: 'leaf' }), connectionWith(below, middle)), ID)
  // Whatever is not known of the leaf.
  assert.equal(await verdict(withCrls(t, { crls: chain.crls.slice(0, 1) }), connectionWith(below, middle)), 'ERR_PEER_REVOKED')
})

test('asks for a CRL of every issuer in scope', async (t) => {
  assert.equal(await verdict(withCrls(t, { crls: [good(middle)] }), connectionWith(below, middle)), 'ERR_PEER_REVOCATION_UNKNOWN')
  assert.equal(await verdict(withCrls(t, { crls: [good(middle)], scope: 'leaf' }), connectionWith(below, middle)), ID)
  assert.equal(await verdict(withCrls(t, { crls: [good(middle), good()] }), connectionWith(below, middle)), ID)
  assert.equal(
    await verdict(withCrls(t, { crls: [good(root)], scope: 'leaf' }), connectionWith(below, middle)),
    'ERR_PEER_REVOCATION_UNKNOWN',
  )
})

test('takes another path where an intermediate was revoked', async (t) => {
  const keys = { privateKey: middle.privateKey, publicKey: ecKeys().publicKey }
  const again = forgeCa({ issuer: root, subject: commonName('middle'), spki: middle.spki, keys, serial: integer(0x81ff) })
  const verifier = withCrls(t, { crls: [good(root, { serials: [integer(0x80ff)] }), good(middle)] })
  assert.equal(await verdict(verifier, connectionWith(below, middle, again)), ID)
})

const useless: readonly (readonly [claim: string, crl: Uint8Array])[] = [
  ['signed by another key', good(root, { signer: ecKeys().privateKey })],
  ['of another CA with the same name', good({ ...forgeCa(), keyId: root.keyId })],
  ['that is out of date', good(root, { nextUpdateMs: NOW_MS - 60_000 })],
  ['from the future', good(root, { thisUpdateMs: NOW_MS + 60_000 })],
  ['signed with SHA-1', good(root, { signature: ECDSA_SHA1 })],
  ['for CAs alone', good(root, { extensions: [extension('2.5.29.28', true, sequence(der(0x82, bytes(0xff))))] })],
  [
    'of another distribution point',
    good(root, { extensions: [extension('2.5.29.28', true, sequence(der(0xa0, der(0xa0, san.uri('http://crl.test/1')))))] }),
  ],
]
for (const [claim, crl] of useless) {
  test(`does not know by a CRL ${claim}`, async (t) => {
    assert.equal(await verdict(withCrls(t, { crls: [crl] }), connectionWith(orders)), 'ERR_PEER_REVOCATION_UNKNOWN')
  })
}

test('does not believe a forged CRL that lists a certificate', async (t) => {
  const forged = good(root, { signer: ecKeys().privateKey, serials: [SERIAL] })
  assert.equal(await verdict(withCrls(t, { crls: [forged, good()] }), connectionWith(orders)), ID)
})

test('does not believe a CA that may not sign CRLs', async (t) => {
  const silent = forgeCa({ issuer: root, subject: commonName('silent'), keyUsage: [0x04] })
  const leaf = forge({ issuer: silent, sans: [san.uri(ID)] })
  const verifier = withCrls(t, { crls: [good(silent)], scope: 'leaf' })
  assert.equal(await verdict(verifier, connectionWith(leaf, silent)), 'ERR_PEER_REVOCATION_UNKNOWN')
})

test('refuses what a CRL once revoked, however old the CRL is', async (t) => {
  const old = good(root, { serials: [SERIAL], nextUpdateMs: NOW_MS - 60_000 })
  assert.equal(await verdict(withCrls(t, { crls: [old] }), connectionWith(orders)), 'ERR_PEER_REVOKED')
  const allowing = withCrls(t, { crls: [old], whenUnavailable: 'dangerously-allow' })
  assert.equal(await verdict(allowing, connectionWith(orders)), 'ERR_PEER_REVOKED')
})

test('accepts a CRL of the distribution point that the certificate names', async (t) => {
  const point = sequence(der(0xa0, der(0xa0, san.uri('http://crl.test/1'))))
  const leaf = forge({ issuer: root, sans: [san.uri(ID)], extensions: [extension('2.5.29.31', false, sequence(point))] })
  const crl = good(root, { extensions: [extension('2.5.29.28', true, sequence(der(0xa0, der(0xa0, san.uri('http://crl.test/1')))))] })
  assert.equal(await verdict(withCrls(t, { crls: [crl] }), connectionWith(leaf)), ID)
})

const flag = (number: number): Uint8Array => extension('2.5.29.28', true, sequence(der(0x80 | number, bytes(0xff))))
const unusable: readonly (readonly [claim: string, crl: Uint8Array, reason: RegExp])[] = [
  ['a CRL for attribute certificates', good(root, { extensions: [flag(5)] }), /attribute certificates/],
  ['an unknown critical extension', good(root, { extensions: [extension('1.2.3', true, NULL)] }), /critical extension/],
  [
    'a critical entry extension',
    good(root, { serials: [integer(1)], entryExtensions: sequence(extension('1.2.3', true, sequence())) }),
    /critical extension/,
  ],
  [
    'an entry of another issuer in a CRL that is not indirect',
    good(root, {
      serials: [integer(1)],
      entryExtensions: sequence(extension('2.5.29.29', true, sequence(der(0xa4, commonName('other'))))),
    }),
    /critical extension/,
  ],
  [
    'removeFromCRL in a complete CRL',
    good(root, { serials: [integer(1)], entryExtensions: sequence(extension('2.5.29.21', false, der(0x0a, bytes(8)))) }),
    /removeFromCRL/,
  ],
  ['no nextUpdate', good(root, { nextUpdateMs: null }), /nextUpdate/],
  ['no CRL number', good(root, { withoutNumber: true }), /number/],
  ['an extension twice', good(root, { extensions: [extension('2.5.29.20', false, integer(1))] }), /twice/],
  ['bytes after it', Buffer.concat([good(), bytes(0)]), /left over/],
  ['a serial number of 22 octets', good(root, { serials: [integer(2n ** 170n)] }), /serial/],
  ['nothing', new Uint8Array(0), /no CRL/],
  ['a certificate', Buffer.from(pem(root.der)), /no CRL/],
  ['a damaged block', Buffer.from(armor(good(), 'X509 CRL').slice(0, -9)), /damaged/],
]
for (const [claim, crl, reason] of unusable) {
  test(`does not start with a CRL file that holds ${claim}`, (t) => {
    assert.throws(
      () => withCrls(t, { crls: [crl] }),
      (error) =>
        error instanceof MisuseError &&
        error.code === 'ERR_TRUST_UNREADABLE' &&
        error.option === 'mtls.revocation.crl.files' &&
        reason.test(error.message),
    )
  })
}

test('does what it was told when there is no fresh CRL', async (t) => {
  const stage = createStage()
  const crls = [good(root, { nextUpdateMs: NOW_MS + 60_000 })]
  const refusing = withCrls(t, { crls, stage })
  const patient = withCrls(t, { crls, stage, whenUnavailable: { staleSeconds: 120 } })
  const allowing = withCrls(t, { crls, stage, whenUnavailable: 'dangerously-allow' })
  const connections = [refusing, patient, allowing].map((verifier) => ({ verifier, connection: connectionWith(orders) }))
  const verdicts = async (): Promise<unknown[]> => Promise.all(connections.map(({ verifier, connection }) => verdict(verifier, connection)))
  assert.deepEqual(await verdicts(), [ID, ID, ID])
  stage.nowMs = NOW_MS + 60_000
  assert.deepEqual(await verdicts(), ['ERR_PEER_REVOCATION_UNKNOWN', ID, ID])
  stage.nowMs = NOW_MS + 180_000
  assert.deepEqual(await verdicts(), ['ERR_PEER_REVOCATION_UNKNOWN', 'ERR_PEER_REVOCATION_UNKNOWN', ID])
  stage.nowMs = NOW_MS + DAY_MS + 1000
  assert.deepEqual(await verdicts(), ['ERR_PEER_EXPIRED', 'ERR_PEER_EXPIRED', 'ERR_PEER_EXPIRED'])
})

test('reaches open and resumed connections when a CRL changes, without verifying or reading them again', async (t) => {
  const files = folder(t)
  const file = files.write('ca.crl', good())
  const stage = createStage()
  const verifier = open(t, { trust, clockSkewSeconds: 0, revocation: { crl: { files: [file] } } }, stage)
  const connection = connectionWith(orders)
  assert.equal(await verdict(verifier, connection), ID)
  const peer = verifier.recall(inboundOver(connection)) as Peer
  assert.equal(peer.expiresAtMs, NOW_MS + DAY_MS)

  files.write('ca.crl', good(root, { serials: [SERIAL], nextUpdateMs: NOW_MS + DAY_MS - 1000 }))
  assert.equal(verifier.reload(), true)
  assert.equal(recalled(verifier, connection), 'ERR_PEER_REVOKED')
  assert.equal(verifier.judge(peer)?.code, 'ERR_PEER_REVOKED')
  const resumed = connectionOf({ kind: 'certificate', leaf: orders.der, intermediates: [] }, { resumed: true })
  assert.equal(await verdict(verifier, resumed), 'ERR_PEER_REVOKED')

  files.write('ca.crl', good(root, { nextUpdateMs: NOW_MS + DAY_MS - 2000 }))
  assert.equal(verifier.reload(), true)
  assert.equal(recalled(verifier, connection), ID)
  const later = verifier.recall(inboundOver(connection)) as Peer
  assert.equal(later.expiresAtMs, NOW_MS + DAY_MS - 2000)
  assert.equal(verifier.judge(peer), null)
  assert.equal(connection.reads.count, 1)
})

test('keeps the old CRL while a new one is half written, and says so once', async (t) => {
  const files = folder(t)
  const stage = createStage()
  const revoking = good(root, { serials: [SERIAL] })
  const file = files.write('ca.crl', revoking)
  const verifier = open(t, { trust, revocation: { crl: { files: [file] } } }, stage)
  const connection = connectionWith(orders)
  files.write('ca.crl', good().subarray(0, 100))
  assert.equal(verifier.reload(), false)
  assert.equal(verifier.reload(), false)
  assert.equal(await verdict(verifier, connection), 'ERR_PEER_REVOKED')
  assert.deepEqual(
    stage.events.map(({ kind, severity, facts }) => ({ kind, severity, facts })),
    [
      {
        kind: 'trust.reload-failed',
        severity: 'error',
        facts: {
          option: 'mtls.revocation.crl.files',
          file,
          reason: new MisuseError(
            'ERR_TRUST_UNREADABLE',
            'mtls.revocation.crl.files',
            `${file} holds a CRL that cannot be read: a length past the end`,
          ).message,
        },
      },
    ],
  )
  files.write('ca.crl', good())
  assert.equal(verifier.reload(), true)
  assert.equal(await verdict(verifier, connection), ID)
})

test('says in its line that revocation is checked, and that unknown is let through', (t) => {
  const line = (options: Partial<Setting> = {}): string => `${withCrls(t, { crls: [good()], ...options })}`
  assert.equal(line(), 'trust prod.example (1 anchor), revocation of the chain by 1 CRL file')
  assert.match(line({ scope: 'leaf', whenUnavailable: 'dangerously-allow' }), /of the leaf by 1 CRL file, unknown is let through$/)
})

test('holds a CRL of 200,000 entries in a few bytes an entry and finds each', async (t) => {
  const { readCrl } = await import('../dist/revocation/read-crl.js')
  const serials = Array.from({ length: 200_000 }, (_, i) => integer(2n ** 100n + BigInt(i) * 7_919n))
  const list = good(root, { serials })
  const before = retainedBytes()
  const crl = readCrl(list)
  assert.ok(typeof crl !== 'string')
  const kept = (retainedBytes() - before) / 200_000
  t.diagnostic(`${kept.toFixed(1)} bytes an entry beside the list`)
  assert.ok(kept <= 16, `${kept} bytes an entry`)
  assert.equal(crl.revoked.size, 200_000)
  for (let i = 0; i < 200_000; i += 997) {
    const serial = 2n ** 100n + BigInt(i) * 7_919n
    assert.ok(crl.revoked.has(serial.toString(16)))
    assert.ok(!crl.revoked.has((serial + 1n).toString(16)))
  }
})

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

function retainedBytes(): number {
  collect()
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
