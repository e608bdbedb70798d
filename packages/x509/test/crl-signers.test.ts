import assert from 'node:assert/strict'
import { createPublicKey } from 'node:crypto'
import { test } from 'node:test'
import { type ChainRequest, verifyChain } from '@countersign/x509'
import { root, verdictOf } from './chain.js'
import { bytes, commonName, der, integer, san, sequence } from './der.js'
import { DAY_MS, extension, type ForgeCrlOptions, type Forged, type ForgeOptions, forge, forgeCa, forgeCrl, NOW_MS, pem } from './forge.js'
import { connectionOf, connectionWith, createStage, folder, open, recalled, type Stage, stayAlive, verdict } from './stage.js'

const UNKNOWN = 'ERR_PEER_REVOCATION_UNKNOWN'
const REVOKED = 'ERR_PEER_REVOKED'
const ID = 'spiffe://prod.example/orders'
const NAME = commonName('issuing')
const SERIAL = integer(0xf00d)
const SIGNER_SERIAL = integer(0x51)
const CERTIFICATES_ONLY = [0x04]
const CRLS_ONLY = [0x02]

const issuing = forgeCa({ issuer: root, subject: NAME, keyUsage: CERTIFICATES_ONLY })
const signerOf = (issuer: Forged, options: ForgeOptions = {}): Forged =>
  forge({ issuer, subject: NAME, keyUsage: CRLS_ONLY, purposes: null, serial: SIGNER_SERIAL, ...options })
const signer = signerOf(root)
const leaf = forge({ issuer: issuing, serial: SERIAL, sans: [san.uri(ID)] })
const rootList = forgeCrl(root)
const list = (options: ForgeCrlOptions = {}, by: Forged = signer): Uint8Array => forgeCrl(by, options)
const listing = list({ serials: [SERIAL] })

function judge(signers: readonly Forged[], lists: readonly Uint8Array[], request: Partial<ChainRequest> = {}): string {
  const intermediates = [issuing, ...signers].map((one) => one.der)
  return verdictOf(leaf, { intermediates, crls: [rootList, ...lists], ...request })
}

test('believes a CRL that another key of the same CA signed, whichever way it came', () => {
  assert.equal(judge([signer], [list()]), 'valid')
  assert.equal(judge([signer], [listing]), REVOKED)
  assert.equal(judge([], [list()]), UNKNOWN)
  assert.equal(judge([signerOf(root)], [list()]), UNKNOWN)
  assert.equal(judge([signerOf(root), signer, signerOf(root)], [list()]), 'valid')
})

test('refuses what any of the keys lists, though another key has a newer CRL that does not', () => {
  const both = forgeCa({ issuer: root, subject: NAME })
  const below = forge({ issuer: both, serial: SERIAL })
  const crls = [rootList, listing, list({ number: 99 }, both)]
  assert.equal(verdictOf(below, { intermediates: [both.der, signer.der], crls }), REVOKED)
  assert.equal(verdictOf(below, { intermediates: [both.der], crls }), 'valid')
})

const useless: readonly (readonly [claim: string, signer: Forged, also?: readonly Forged[]])[] = [
  ['that may not sign CRLs', signerOf(root, { keyUsage: [0x80] })],
  ['that does not say that it may', signerOf(root, { keyUsage: null })],
  ['that has expired', signerOf(root, { validToMs: NOW_MS - 60_000 })],
  ['that is not yet valid', signerOf(root, { validFromMs: NOW_MS + 60_000 })],
  ['that signed itself', forgeCa({ subject: NAME })],
  ['that has an unknown critical extension', signerOf(root, { extensions: [extension('1.2.3', true, bytes(5, 0))] })],
  ['of another name', signerOf(root, { subject: commonName('other') })],
]
for (const [claim, by] of useless) {
  test(`does not believe a CRL of a key ${claim}`, () => assert.equal(judge([by], [list({}, { ...by, subject: NAME })]), UNKNOWN))
}

test('does not believe a namesake below another anchor, though that anchor is trusted too', () => {
  const elsewhere = forgeCa({ subject: commonName('elsewhere') })
  const namesake = signerOf(elsewhere)
  const anchors = [root.der, elsewhere.der]
  const crls = [forgeCrl(elsewhere), list({}, namesake)]
  assert.equal(judge([namesake], crls, { anchors }), UNKNOWN)
  assert.equal(judge([namesake, elsewhere], crls, { anchors }), UNKNOWN)
  assert.equal(judge([namesake], [...crls, list()], { anchors }), UNKNOWN)
  assert.equal(judge([namesake, signer], [...crls, list()], { anchors }), 'valid')
  // Nor does what it lists.
  assert.equal(judge([namesake, signer], [list({ serials: [SERIAL] }, namesake), list()], { anchors }), 'valid')
})

test('does not believe a namesake that another CA below the same anchor made', () => {
  const other = forgeCa({ issuer: root, subject: commonName('other') })
  const namesake = signerOf(other)
  assert.equal(judge([namesake, other], [list({}, namesake), forgeCrl(other)]), UNKNOWN)
  const pretender = forgeCa({ issuer: other, subject: NAME })
  const below = signerOf(pretender)
  assert.equal(judge([below, pretender, other], [list({}, below), list({}, pretender), forgeCrl(other)]), UNKNOWN)
})

test('does not believe a namesake that stands on the path, but beyond another CA', () => {
  const upper = forgeCa({ issuer: root, subject: NAME })
  const middle = forgeCa({ issuer: upper, subject: commonName('middle') })
  const lower = forgeCa({ issuer: middle, subject: NAME })
  const request = { intermediates: [lower, middle, upper].map((one) => one.der), crls: [rootList, list({}, upper), forgeCrl(middle)] }
  assert.equal(verdictOf(forge({ issuer: lower }), request), UNKNOWN)
  assert.equal(verdictOf(forge({ issuer: lower }), { ...request, crls: [...request.crls, list({}, lower)] }), 'valid')
})

test('asks whether the key that signed a CRL was revoked', () => {
  const revoking = forgeCrl(root, { serials: [SIGNER_SERIAL] })
  assert.equal(judge([signer], [list()], { crls: [revoking, list()] }), UNKNOWN)
  assert.equal(judge([signer], [list()], { crls: [revoking, list()], revocation: { mode: 'require', scope: 'leaf' } }), 'valid')
  // The path of the leaf has no list of its own CA then either.
  assert.equal(judge([signer], [], { crls: [list()] }), UNKNOWN)
})

test('follows a CA through a change of its key', () => {
  const old = forgeCa({ issuer: root, subject: NAME })
  const fresh = forgeCa({ issuer: root, subject: NAME })
  const oldWithNew = forgeCa({ issuer: fresh, subject: NAME, spki: old.spki, keys: keysOf(old) })
  const newWithOld = forgeCa({ issuer: old, subject: NAME, spki: fresh.spki, keys: keysOf(fresh), serial: integer(0x52) })
  const byOld = forge({ issuer: old, serial: SERIAL })
  const byNew = forge({ issuer: fresh, serial: SERIAL })
  const crls = (by: Forged, options: ForgeCrlOptions = {}): readonly Uint8Array[] => [rootList, list(options, by)]
  const withNew = { intermediates: [oldWithNew.der, fresh.der] }
  assert.equal(verdictOf(byOld, { ...withNew, crls: crls(fresh) }), 'valid')
  assert.equal(verdictOf(byOld, { ...withNew, crls: crls(fresh, { serials: [SERIAL] }) }), REVOKED)
  const withOld = { intermediates: [newWithOld.der, old.der] }
  assert.equal(verdictOf(byNew, { ...withOld, crls: crls(old) }), 'valid')
  assert.equal(verdictOf(byNew, { ...withOld, crls: crls(old, { serials: [SERIAL] }) }), REVOKED)
  // The new key says nothing of the certificate that it hangs from, nor does a key that it certified.
  assert.equal(verdictOf(byNew, { ...withOld, crls: crls(fresh) }), UNKNOWN)
  const lower = signerOf(fresh)
  const intermediates = [...withOld.intermediates, lower.der]
  assert.equal(verdictOf(byNew, { intermediates, crls: crls(lower) }), UNKNOWN)
  assert.equal(verdictOf(byNew, { intermediates, crls: [...crls(lower), list({}, old)] }), 'valid')
  const prefer = { revocation: { mode: 'prefer' } } as const
  assert.equal(verdictOf(byNew, { intermediates, crls: crls(lower, { serials: [integer(0x52)] }), ...prefer }), 'valid')
  assert.equal(verdictOf(byNew, { intermediates, crls: crls(old, { serials: [integer(0x52)] }), ...prefer }), REVOKED)
  assert.equal(verdictOf(byNew, { ...withOld, crls: crls(fresh), revocation: { mode: 'require', scope: 'leaf' } }), 'valid')
})

test('believes a key that the CA certified itself, unless a CRL of its own or of the CA lists it', () => {
  const both = forgeCa({ issuer: root, subject: NAME })
  const selfIssued = signerOf(both)
  const below = forge({ issuer: both, serial: SERIAL })
  const judgeBelow = (...lists: readonly Uint8Array[]): string =>
    verdictOf(below, { intermediates: [both.der, selfIssued.der], crls: [rootList, ...lists] })
  assert.equal(judgeBelow(list({}, selfIssued)), 'valid')
  assert.equal(judgeBelow(list({ serials: [SERIAL] }, selfIssued)), REVOKED)
  assert.equal(judgeBelow(list({ serials: [SIGNER_SERIAL] }, selfIssued)), UNKNOWN)
  const idp = extension('2.5.29.28', true, sequence(der(0xa0, der(0xa0, san.uri('http://crl.test/keys')))))
  assert.equal(judgeBelow(list({}, selfIssued), list({ extensions: [idp], serials: [SIGNER_SERIAL] }, both)), UNKNOWN)
})

test('does not let a CA below certify a key that speaks for the CA above it', () => {
  const pretender = forge({ issuer: issuing, subject: root.subject, keyUsage: CRLS_ONLY, purposes: null })
  assert.equal(judge([pretender, signer], [], { crls: [list(), list({}, pretender)] }), UNKNOWN)
  assert.equal(judge([pretender, signer], [list()]), 'valid')
})

test('does not let a leaf that may sign CRLs sign the one that it would stand in', () => {
  const selfIssued = forge({ issuer: issuing, subject: NAME, keyUsage: [0x82], serial: SERIAL })
  const byItself = list({}, selfIssued)
  const intermediates = [issuing.der, selfIssued.der]
  assert.equal(verdictOf(selfIssued, { intermediates, crls: [rootList, byItself] }), UNKNOWN)
})

test('bounds the search, and lets nobody hide a CRL behind useless certificates', () => {
  const strangers = Array.from({ length: 120 }, () =>
    forge({ issuer: { ...forgeCa(), subject: root.subject }, subject: NAME, keyUsage: CRLS_ONLY }),
  )
  const request = { revocation: { mode: 'prefer' } } as const
  assert.equal(judge([...strangers, signer], [listing], request), 'ERR_PEER_TOO_COMPLEX')
  const many = Array.from({ length: 9 }, () => signerOf(root))
  assert.equal(judge([...many, signer], [listing], request), 'ERR_PEER_TOO_COMPLEX')
  assert.equal(judge([...many.slice(2), signer], [listing], request), REVOKED)
  // Nobody is looked for where the CA's own key signed every list.
  const both = forgeCa({ issuer: root, subject: NAME })
  const intermediates = [both, ...strangers].map((one) => one.der)
  assert.equal(verdictOf(forge({ issuer: both }), { intermediates, crls: [rootList, list({}, both)] }), 'valid')
})

const trust = { trustDomain: 'prod.example', pem: pem(root.der) }

test('finds the key of a CRL among the intermediates of a guard and of the caller', async (t) => {
  const files = folder(t)
  const crl = { files: [files.write('root.crl', rootList), files.write('ca.crl', list())] }
  const configured = open(t, { trust, intermediates: { pem: pem(issuing.der, signer.der) }, revocation: { crl } })
  assert.equal(await verdict(configured, connectionWith(leaf)), ID)
  const bare = open(t, { trust, revocation: { crl } })
  assert.equal(await verdict(bare, connectionWith(leaf, issuing)), UNKNOWN)
  assert.equal(await verdict(bare, connectionWith(leaf, issuing, signer)), ID)
  // Once verified it is remembered, as the intermediates are.
  assert.equal(await verdict(bare, connectionOf({ kind: 'certificate', leaf: leaf.der, intermediates: [] }, { resumed: true })), ID)
})

test('finds the key again where the anchor was renewed and the caller sends its leaf alone', async (t) => {
  const files = folder(t)
  const crl = { files: [files.write('root.crl', rootList), files.write('ca.crl', list())] }
  const file = files.write('root.pem', pem(root.der))
  const verifier = open(t, { trust: { trustDomain: 'prod.example', file }, revocation: { crl } })
  assert.equal(await verdict(verifier, connectionWith(leaf, issuing, signer)), ID)
  files.write('root.pem', pem(forgeCa({ spki: root.spki, keys: keysOf(root) }).der))
  assert.ok(verifier.reload())
  assert.equal(await verdict(verifier, connectionWith(leaf)), ID)
})

test('takes no certificate for an anchor that may sign nothing but CRLs', (t) => {
  assert.throws(() => open(t, { trust: { trustDomain: 'prod.example', pem: pem(signer.der) } }), { code: 'ERR_TRUST_UNREADABLE' })
})

test('refuses on an open connection what a list of the other key holds, or when that key has ended', async (t) => {
  const stage = createStage()
  const files = folder(t)
  const brief = signerOf(root, { validToMs: NOW_MS + 60_000 })
  const crl = { files: [files.write('root.crl', rootList), files.write('ca.crl', list({}, brief))] }
  const verifier = open(t, { trust, clockSkewSeconds: 0, revocation: { crl } }, stage)
  const connection = connectionWith(leaf, issuing, brief)
  assert.equal(await verdict(verifier, connection), ID)
  files.write('ca.crl', list({ number: 8 }, brief))
  assert.ok(verifier.reload())
  assert.equal(recalled(verifier, connection), ID)
  stage.nowMs += 62_000
  assert.equal(recalled(verifier, connection), UNKNOWN)
  stage.nowMs -= 32_000
  files.write('ca.crl', list({ number: 9, serials: [SERIAL] }, brief))
  assert.ok(verifier.reload())
  assert.equal(recalled(verifier, connection), REVOKED)
})

test('keeps CAs of the same name in two trust domains apart', async (t) => {
  const files = folder(t)
  const partner = forgeCa({ subject: commonName('partner root') })
  const mine = forgeCa({ issuer: root, subject: NAME })
  const theirs = forgeCa({ issuer: partner, subject: NAME })
  const lists = [rootList, forgeCrl(partner), list({}, theirs)].map((one, i) => files.write(`${i}.crl`, one))
  const both = [trust, { trustDomain: 'partner.example', pem: pem(partner.der) }]
  const intermediates = { pem: pem(mine.der, theirs.der) }
  const verifier = open(t, { trust: both, intermediates, revocation: { crl: { files: lists } } })
  const ours = forge({ issuer: mine, sans: [san.uri(ID)], serial: SERIAL })
  const partners = forge({ issuer: theirs, sans: [san.uri('spiffe://partner.example/orders')] })
  assert.equal(await verdict(verifier, connectionWith(partners)), 'spiffe://partner.example/orders')
  assert.equal(await verdict(verifier, connectionWith(ours)), UNKNOWN)
})

test('replaces a list that was fetched by one of a new key if that is configured, and never by one of a stranger', async (t) => {
  let body = list()
  const fetch: typeof globalThis.fetch = async () => new Response(new Uint8Array(body))
  const stage: Stage = Object.assign({ ...createStage(), fetch }, { clock: { nowMs: () => stage.nowMs } })
  const fresh = signerOf(root)
  const revocation = { crl: { urls: ['http://crl.test/ca.crl'] }, scope: 'leaf' } as const
  const verifier = open(t, { trust, intermediates: { pem: pem(issuing.der, signer.der, fresh.der) }, revocation }, stage)
  stayAlive(t)
  await verifier.ready()
  async function publish(next: Uint8Array): Promise<string | null> {
    body = next
    stage.nowMs += 301_000
    verifier.reload()
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve))
    return verdict(verifier, connectionWith(leaf))
  }
  assert.equal(await verdict(verifier, connectionWith(leaf)), ID)
  assert.equal(await publish(list({ number: 8, serials: [SERIAL] }, signerOf(forgeCa()))), ID)
  assert.equal(await publish(list({ number: 8, serials: [SERIAL] }, fresh)), REVOKED)
})

test('says which certificates are on the path, without those of CRLs', () => {
  const result = verifyChain({
    leaf: leaf.der,
    intermediates: [signer.der, issuing.der],
    anchors: [root.der],
    crls: [rootList, list()],
    time: NOW_MS + DAY_MS / 2,
  })
  assert.ok(result.valid)
  assert.deepEqual(
    result.path.map(({ subject }) => subject),
    ['CN=leaf', 'CN=issuing', 'CN=root'],
  )
})

function keysOf(forged: Forged): NonNullable<ForgeOptions['keys']> {
  return { privateKey: forged.privateKey, publicKey: createPublicKey(forged.privateKey) }
}
