import assert from 'node:assert/strict'
import { test } from 'node:test'
import { verifyChain } from '@countersign/x509'
import { bytes, commonName, der, integer, san, sequence } from './der.js'
import { extension, type ForgeCrlOptions, type Forged, forge, forgeCa, forgeCrl, NOW_MS } from './forge.js'

const SERIAL = integer(0xf00d)
const SIGNS_CERTIFICATES = [0x04]
const SIGNS_CRLS = [0x02]
const root = forgeCa()
const rootCrl = forgeCrl(root)
/** A CA that signs certificates with one key and CRLs with another. */
const issuing = forgeCa({ issuer: root, subject: commonName('issuing'), keyUsage: SIGNS_CERTIFICATES })
const listing = forgeCa({ issuer: root, subject: commonName('issuing'), keyUsage: SIGNS_CRLS, serial: integer(0xc1) })
const leafOf = (issuer: Forged, extensions: readonly Uint8Array[] = []): Forged =>
  forge({ issuer, serial: SERIAL, sans: [san.uri('spiffe://prod.example/orders')], extensions })
const orders = leafOf(issuing)

function verdict(leaf: Forged, intermediates: readonly Forged[], crls: readonly Uint8Array[]): string {
  const asked = { leaf: leaf.der, intermediates: intermediates.map(({ der }) => der), anchors: [root.der], crls, time: new Date(NOW_MS) }
  const result = verifyChain({ ...asked, purpose: 'client' })
  return result.valid ? 'good' : result.code === 'ERR_PEER_REVOCATION_UNKNOWN' ? 'unknown' : result.code
}

const crl = (issuer: Forged, options: ForgeCrlOptions = {}): Uint8Array => forgeCrl(issuer, options)

test('takes the list of a CA that has another key for lists, certified by the same CA', () => {
  assert.equal(verdict(orders, [issuing, listing], [rootCrl, crl(listing)]), 'good')
  assert.equal(verdict(orders, [issuing, listing], [rootCrl, crl(listing, { serials: [SERIAL] })]), 'ERR_PEER_REVOKED')
  assert.equal(verdict(orders, [issuing], [rootCrl, crl(listing)]), 'unknown')
})

test('takes the list of a key that the CA certified itself', () => {
  const ca = forgeCa({ issuer: root, subject: commonName('ca') })
  const again = forgeCa({ issuer: ca, subject: commonName('ca'), keyUsage: SIGNS_CRLS })
  assert.equal(verdict(leafOf(ca), [ca, again], [rootCrl, crl(again)]), 'good')
  assert.equal(verdict(leafOf(ca), [ca, again], [rootCrl, crl(again, { serials: [SERIAL] })]), 'ERR_PEER_REVOKED')
})

const strangers: readonly (readonly [claim: string, signer: Forged])[] = [
  ['of another CA of the same name', forgeCa({ subject: commonName('issuing') })],
  ['that a stranger certified', forgeCa({ issuer: forgeCa({ subject: commonName('stranger') }), subject: commonName('issuing') })],
  ['that may not sign lists', forgeCa({ issuer: root, subject: commonName('issuing'), keyUsage: SIGNS_CERTIFICATES })],
  ['that does not say that it may', forgeCa({ issuer: root, subject: commonName('issuing'), keyUsage: null })],
  ['whose certificate has expired', forgeCa({ issuer: root, subject: commonName('issuing'), validToMs: NOW_MS - 600_000 })],
  [
    'with a critical extension that is not understood',
    forgeCa({ issuer: root, subject: commonName('issuing'), extensions: [extension('1.2.3', true, sequence())] }),
  ],
]
for (const [claim, signer] of strangers) {
  test(`does not take a list of a key ${claim}`, () => {
    assert.equal(verdict(orders, [issuing, signer], [rootCrl, crl(signer)]), 'unknown')
  })
}

test('does not take a list of a key that was revoked itself', () => {
  const revoking = crl(root, { serials: [integer(0xc1)] })
  assert.equal(verdict(orders, [issuing, listing], [revoking, crl(listing)]), 'unknown')
})

test('does not let a CA below certify a key that speaks for the CA above it', () => {
  const middle = forgeCa({ issuer: root, subject: commonName('middle'), serial: integer(0xbad) })
  const pretender = forgeCa({ issuer: middle, subject: root.subject, keyUsage: SIGNS_CRLS })
  assert.equal(verdict(leafOf(middle), [middle, pretender], [crl(middle), crl(pretender)]), 'unknown')
  assert.equal(
    verdict(leafOf(middle), [middle, pretender], [crl(middle), crl(pretender), crl(root, { serials: [integer(0xbad)] })]),
    'ERR_PEER_REVOKED',
  )
})

// An indirect CRL: somebody else lists what the issuer revoked (RFC 5280 §5.3.3).
const teller = forgeCa({ issuer: root, subject: commonName('teller'), keyUsage: SIGNS_CRLS })
const uri = der(0xa0, der(0xa0, san.uri('http://crl.test/1')))
const points = extension('2.5.29.31', false, sequence(sequence(uri, der(0xa2, san.directory(teller.subject)))))
const INDIRECT = extension('2.5.29.28', true, sequence(uri, der(0x84, bytes(0xff))))
const ofIssuing = sequence(extension('2.5.29.29', true, sequence(san.directory(issuing.subject))))
const told = leafOf(issuing, [points])

test('takes the indirect list of whom the certificate names, for entries of its issuer alone', () => {
  const list = (options: ForgeCrlOptions): Uint8Array => crl(teller, { extensions: [INDIRECT], ...options })
  assert.equal(verdict(told, [issuing, teller], [rootCrl, list({})]), 'good')
  assert.equal(verdict(told, [issuing, teller], [rootCrl, list({ serials: [SERIAL], entryExtensions: ofIssuing })]), 'ERR_PEER_REVOKED')
  assert.equal(verdict(told, [issuing, teller], [rootCrl, list({ serials: [SERIAL] })]), 'good')
})

test('does not take the indirect list of whom the certificate does not name, nor a direct one of whom it names', () => {
  assert.equal(verdict(orders, [issuing, teller], [rootCrl, crl(teller, { extensions: [INDIRECT] })]), 'unknown')
  assert.equal(verdict(told, [issuing, teller], [rootCrl, crl(teller)]), 'unknown')
  const stranger = { ...forgeCa({ subject: commonName('teller') }) }
  assert.equal(verdict(told, [issuing, stranger], [rootCrl, crl(stranger, { extensions: [INDIRECT] })]), 'unknown')
})
