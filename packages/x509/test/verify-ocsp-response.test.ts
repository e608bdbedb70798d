import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createOcspRequest, type VerifyOcspResponseOptions, verifyOcspResponse } from '@countersign/x509'
import { bytes, commonName, integer, NULL, san } from './der.js'
import { DAY_MS, ECDSA_SHA1, ecKeys, extension, type Forged, forge, forgeCa, NOW_MS, pem } from './forge.js'
import { type ForgeOcspOptions, forgeAnswer, forgeOcsp, OCSP_SIGNING, ocspStatus, wrapOcsp } from './forge-ocsp.js'

const root = forgeCa()
const SERIAL = integer(0xf00d)
const orders = forge({ issuer: root, sans: [san.uri('spiffe://prod.example/orders')], serial: SERIAL })
const NONCE = Buffer.alloc(32, 7)

const ocsp = (options: Partial<ForgeOcspOptions> = {}): Uint8Array => forgeOcsp({ issuer: root, serial: SERIAL, ...options })
const delegate = (options: Parameters<typeof forge>[0] = {}): Forged =>
  forge({ issuer: root, subject: commonName('responder'), purposes: [OCSP_SIGNING], ...options })
const by = (responder: Forged, options: Partial<ForgeOcspOptions> = {}): Uint8Array =>
  ocsp({ responder, certificates: [responder.der], ...options })

/** What it says, or the reason why it is not believed. */
function verdict(response: Uint8Array, options: Partial<VerifyOcspResponseOptions> = {}): string {
  const found = verifyOcspResponse({ response, certificate: orders.der, issuer: root.der, time: new Date(NOW_MS), ...options })
  if (!('refused' in found)) return `${found.status} by the ${found.signedBy}`
  assert.equal(found.code, 'ERR_PEER_REVOCATION_UNKNOWN')
  return String(found.facts['reason'])
}

const rows: readonly (readonly [claim: string, response: Uint8Array, verdict: string, options?: Partial<VerifyOcspResponseOptions>])[] = [
  ['believes the issuer that names itself', ocsp(), 'good by the issuer'],
  ['believes the issuer by the hash of its key', ocsp({ byKey: true }), 'good by the issuer'],
  ['reads a CertID of SHA-256', ocsp({ hash: 'sha256' }), 'good by the issuer'],
  ['reads a CertID of SHA-512', ocsp({ hash: 'sha512' }), 'good by the issuer'],
  ['says that it is revoked', ocsp({ status: 'revoked', reason: 1 }), 'revoked by the issuer'],
  ['says that the responder does not know it', ocsp({ status: 'unknown' }), 'unknown by the issuer'],
  ['finds its answer among others', ocsp({ others: [forgeAnswer({ issuer: root, serial: integer(3) })] }), 'good by the issuer'],
  [
    'takes the revocation of two answers',
    ocsp({ others: [forgeAnswer({ issuer: root, serial: SERIAL, status: 'revoked' })] }),
    'revoked by the issuer',
  ],
  ['believes whom the issuer certified for it', by(delegate()), 'good by the delegate'],
  ['believes a delegate by the hash of its key', by(delegate(), { byKey: true }), 'good by the delegate'],
  [
    'takes a delegate with id-pkix-ocsp-nocheck',
    by(delegate({ extensions: [extension('1.3.6.1.5.5.7.48.1.5', false, NULL)] })),
    'good by the delegate',
  ],

  ['refuses an answer about another certificate', ocsp({ serial: integer(0xf00e) }), 'cert-id'],
  ['refuses an answer about the same number of another CA', forgeOcsp({ issuer: forgeCa(), serial: SERIAL, responder: root }), 'cert-id'],
  ['refuses what another key signed', ocsp({ signer: ecKeys().privateKey }), 'signature'],
  ['refuses what was signed with SHA-1', ocsp({ signature: ECDSA_SHA1 }), 'algorithm'],
  ['refuses a responder that nobody vouches for', by(delegate({ issuer: forgeCa() })), 'responder'],
  ['refuses a delegate of another CA of the same name', by(delegate({ issuer: { ...forgeCa(), keyId: root.keyId } })), 'responder'],
  ['refuses a leaf of the issuer that may not answer', by(delegate({ purposes: null })), 'responder'],
  ['refuses a delegate for any purpose', by(delegate({ purposes: ['2.5.29.37.0'] })), 'responder'],
  ['refuses a delegate whose key may not sign', by(delegate({ keyUsage: [0x20] })), 'responder'],
  ['refuses a delegate that has expired', by(delegate({ validToMs: NOW_MS - 1000 * 60 })), 'responder'],
  ['refuses a delegate that begins later', by(delegate({ validFromMs: NOW_MS + 1000 * 60 })), 'responder'],
  ['refuses a delegate with an unknown critical extension', by(delegate({ extensions: [extension('1.2.3', true, NULL)] })), 'responder'],
  ['refuses a delegate with a certificate signed with SHA-1', by(delegate({ signature: ECDSA_SHA1 })), 'responder'],
  ['refuses what a delegate did not sign', by(delegate(), { signer: ecKeys().privateKey }), 'signature'],
  ['refuses a delegate whose certificate is missing', ocsp({ responder: delegate() }), 'responder'],
  ['refuses an answer that has run out', ocsp({ nextUpdateMs: NOW_MS - 1000 }), 'expired'],
  ['refuses an answer from the future', ocsp({ thisUpdateMs: NOW_MS + 1000 }), 'not-yet-valid'],
  ['refuses an answer that was made in the future', ocsp({ producedAtMs: NOW_MS + 1000 }), 'not-yet-valid'],
  ['forgives as much as clocks may differ', ocsp({ nextUpdateMs: NOW_MS - 1000 }), 'good by the issuer', { clockSkewSeconds: 30 }],
  [
    'takes an answer without nextUpdate while it is young',
    ocsp({ thisUpdateMs: NOW_MS - 60_000, nextUpdateMs: null }),
    'good by the issuer',
  ],
  ['refuses an answer without nextUpdate that is old', ocsp({ thisUpdateMs: NOW_MS - 301_000, nextUpdateMs: null }), 'expired'],
  ['refuses an unknown critical extension', ocsp({ extensions: [extension('1.2.3', true, NULL)] }), 'critical-extension'],
  ['takes the nonce that was sent', ocsp({ nonce: NONCE }), 'good by the issuer', { nonce: NONCE }],
  ['refuses another nonce', ocsp({ nonce: Buffer.alloc(32, 8) }), 'nonce', { nonce: NONCE }],
  ['refuses another nonce where none is demanded', ocsp({ nonce: Buffer.alloc(32, 8) }), 'nonce', { nonce: NONCE, nonceRequired: false }],
  ['refuses an answer without the nonce', ocsp(), 'nonce', { nonce: NONCE }],
  ['takes an answer without the nonce where none is demanded', ocsp(), 'good by the issuer', { nonce: NONCE, nonceRequired: false }],
  ['says that the responder is to be tried later', ocspStatus(3), 'try-later'],
  ['says that the responder refuses', ocspStatus(6), 'unauthorized'],
  ['refuses a status that does not exist', ocspStatus(4), 'malformed'],
  ['refuses a response of another type', wrapOcsp(ocsp(), '1.2.3'), 'malformed'],
  ['refuses bytes after it', Buffer.concat([ocsp(), bytes(0)]), 'malformed'],
  ['refuses what is cut off', ocsp().subarray(0, 100), 'malformed'],
  ['refuses nothing', new Uint8Array(0), 'malformed'],
  ['refuses a page', Buffer.from('<html>moved</html>'), 'malformed'],
  [
    'refuses too many answers',
    ocsp({ others: Array.from({ length: 64 }, () => forgeAnswer({ issuer: root, serial: SERIAL })) }),
    'malformed',
  ],
  ['refuses too many certificates', ocsp({ certificates: Array.from({ length: 9 }, () => root.der) }), 'malformed'],
]
for (const [claim, response, expected, options] of rows) {
  test(`${claim}`, () => assert.equal(verdict(response, options), expected))
}

test('says when and why, as the responder does', () => {
  const response = ocsp({ status: 'revoked', reason: 1, thisUpdateMs: NOW_MS - 5000, nextUpdateMs: NOW_MS + DAY_MS, nonce: NONCE })
  const found = verifyOcspResponse({ response, certificate: pem(orders.der), issuer: pem(root.der), time: new Date(NOW_MS), nonce: NONCE })
  assert.ok(!('refused' in found))
  assert.deepEqual(
    { ...found },
    {
      status: 'revoked',
      thisUpdate: new Date(NOW_MS - 5000),
      nextUpdate: new Date(NOW_MS + DAY_MS),
      producedAt: new Date(NOW_MS - 5000),
      revokedAt: new Date(NOW_MS - 5000),
      reason: 1,
      signedBy: 'issuer',
    },
  )
})

test('believes no response of which any octet was changed', () => {
  const response = by(delegate(), { nonce: NONCE })
  for (let i = 0; i < response.length; i++) {
    const changed = Uint8Array.from(response)
    changed[i] = (changed[i] ?? 0) ^ 0x01
    const found = verdict(changed, { nonce: NONCE })
    assert.ok(!found.startsWith('good'), `octet ${i}: ${found}`)
  }
})

test('writes a request that names the certificate, with a nonce or without', () => {
  const asked = createOcspRequest({ certificate: orders.der, issuer: root.der })
  assert.ok(!('refused' in asked))
  assert.equal(asked.nonce?.length, 32)
  assert.ok(Buffer.from(asked.der).includes(Buffer.from(asked.nonce ?? [])))
  const plain = createOcspRequest({ certificate: orders.der, issuer: root.der, nonce: false, hash: 'sha256' })
  assert.ok(!('refused' in plain))
  assert.equal(plain.nonce, null)
  const refused = createOcspRequest({ certificate: 'nothing', issuer: root.der })
  assert.ok('refused' in refused && refused.code === 'ERR_PEER_UNREADABLE')
})

test('takes no option that it does not know', () => {
  const asked = { certificate: orders.der, issuer: root.der }
  const response = new Uint8Array(0)
  const time = new Date(NOW_MS)
  const wrong: readonly (readonly [() => unknown, string, string])[] = [
    [() => verifyOcspResponse({ ...asked, response, time, ...{ nonces: NONCE } }), 'nonces', 'ERR_OPTION_UNKNOWN'],
    [
      () => verifyOcspResponse({ ...asked, response, time, maxAgeSeconds: Number.POSITIVE_INFINITY }),
      'maxAgeSeconds',
      'ERR_OPTION_INVALID',
    ],
    [() => createOcspRequest({ ...asked, ...{ nonces: false } }), 'nonces', 'ERR_OPTION_UNKNOWN'],
    [() => createOcspRequest({ ...asked, nonce: new Uint8Array(129) }), 'nonce', 'ERR_OPTION_INVALID'],
    [() => createOcspRequest({ ...asked, nonce: new Uint8Array(0) }), 'nonce', 'ERR_OPTION_INVALID'],
    [() => createOcspRequest({ ...asked, ...({ hash: 'sha512' } as object) }), 'hash', 'ERR_OPTION_INVALID'],
  ]
  for (const [ask, option, code] of wrong) assert.throws(ask, { code, option })
})
