import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { type Connection, isRefusal, type Peer } from '@countersign/core'
import type { CertificateVerifier } from '@countersign/x509'
import { commonName, integer, san } from './der.js'
import { DAY_MS, type Forged, forge, forgeCa, forgeCrl, NOW_MS, pem } from './forge.js'
import { connectionWith, createStage, folder, inboundOver, open } from './stage.js'

const ID = 'spiffe://prod.example/orders'
const root = forgeCa()
const otherRoot = forgeCa({ subject: commonName('other root') })
const anchors = { trustDomain: null, pem: pem(root.der) }
const trust = { trustDomain: 'prod.example', pem: pem(root.der) }
const SERIAL = integer(0xf00d)

const hex = (octets: Uint8Array): string => Buffer.from(octets).toString('hex')

async function toldOf(verifier: CertificateVerifier, connection: Connection): Promise<unknown> {
  const inbound = inboundOver(connection)
  const finding = verifier.recall(inbound) ?? (await verifier.verify(inbound))
  return finding !== null && isRefusal(finding) ? [finding.code, finding.evidence, 'presented' in finding.facts] : finding
}

function evidenceOf(leaf: Forged, issuer: Forged, presented: string | null = ID) {
  const fingerprint256 = createHash('sha256').update(leaf.der).digest('hex')
  return { presented, serialNumber: 'f00d', fingerprint256, issuerKeyId: hex(issuer.keyId) }
}

test('tells the log which leaf was refused: the name that it presents, its serial number, its hash and the key of its issuer', async (t) => {
  const verifier = open(t, { trust })
  const leaf = (options: Parameters<typeof forge>[0]): Forged => forge({ sans: [san.uri(ID)], serial: SERIAL, ...options })
  const stranger = leaf({ issuer: otherRoot })
  const own = leaf({})
  const expired = leaf({ issuer: root, validToMs: NOW_MS - 60_000 })
  assert.deepEqual(await toldOf(verifier, connectionWith(stranger)), ['ERR_PEER_UNTRUSTED', evidenceOf(stranger, otherRoot), false])
  assert.deepEqual(await toldOf(verifier, connectionWith(own)), ['ERR_PEER_SELF_SIGNED', evidenceOf(own, own), false])
  assert.deepEqual(await toldOf(verifier, connectionWith(expired)), ['ERR_PEER_EXPIRED', evidenceOf(expired, root), false])
})

test('tells the log the first DNS name where a leaf has no SPIFFE ID of its own, and none where it has neither', async (t) => {
  const verifier = open(t, { trust: anchors })
  const names: readonly (readonly [sans: readonly Uint8Array[], presented: string | null])[] = [
    [[san.dns('orders.example'), san.dns('other.example')], 'orders.example'],
    [[san.uri(ID), san.uri('spiffe://prod.example/other'), san.dns('orders.example')], 'orders.example'],
    [[san.uri('spiffe://prod.example/../x'), san.dns('orders.example')], 'orders.example'],
    [[san.uri(`spiffe://prod.example/${'a'.repeat(400)}`)], `spiffe://prod.example/${'a'.repeat(400)}`.slice(0, 255)],
    [[san.email('orders@example.com')], null],
    [[], null],
  ]
  for (const [sans, presented] of names) {
    const leaf = forge({ issuer: otherRoot, serial: SERIAL, sans })
    const [, evidence] = (await toldOf(verifier, connectionWith(leaf))) as unknown[]
    assert.deepEqual(evidence, evidenceOf(leaf, otherRoot, presented))
  }
})

test('tells the log which known leaf was revoked, has expired or lost its anchor, on a request and where a peer is judged', async (t) => {
  const files = folder(t)
  const crl = files.write('ca.crl', forgeCrl(root))
  const bundle = files.write('ca.pem', pem(root.der))
  const stage = createStage()
  const leaf = forge({ issuer: root, sans: [san.uri(ID)], serial: SERIAL })
  const connection = connectionWith(leaf)
  const evidence = evidenceOf(leaf, root)
  const options = { trust: { trustDomain: 'prod.example', file: bundle }, clockSkewSeconds: 0, revocation: { crl: { files: [crl] } } }
  const verifier = open(t, options, stage)
  const peer = (await verifier.verify(inboundOver(connection))) as Peer
  assert.equal(peer.id, ID)

  files.write('ca.crl', forgeCrl(root, { serials: [SERIAL] }))
  assert.equal(verifier.reload(), true)
  assert.deepEqual(await toldOf(verifier, connection), ['ERR_PEER_REVOKED', evidence, false])
  assert.deepEqual(verifier.judge(peer)?.evidence, evidence)

  files.write('ca.crl', forgeCrl(root))
  files.write('ca.pem', pem(otherRoot.der))
  assert.equal(verifier.reload(), true)
  const judged = verifier.judge(peer)
  assert.deepEqual([judged?.code, judged?.evidence], ['ERR_PEER_UNTRUSTED', evidence])
  assert.deepEqual(await toldOf(verifier, connection), ['ERR_PEER_UNTRUSTED', evidence, false])

  const later = createStage()
  const other = open(t, { trust, clockSkewSeconds: 0 }, later)
  await other.verify(inboundOver(connectionWith(leaf)))
  later.nowMs = NOW_MS + DAY_MS + 1000
  assert.deepEqual(await toldOf(other, connectionWith(leaf)), ['ERR_PEER_EXPIRED', evidence, false])
})
