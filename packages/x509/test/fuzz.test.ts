import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MisuseError, RefusedError } from '@countersign/core'
import { createPeerVerifier, parseCertificate, verifyOcspResponse } from '@countersign/x509'
import fc from 'fast-check'
import { readCrl } from '../dist/revocation/read-crl.js'
import { commonName, der, integer, san, sequence } from './der.js'
import { extension, type Forged, forge, forgeCa, forgeCrl, NOW_MS, pem, rsaKeys } from './forge.js'
import { forgeOcsp } from './forge-ocsp.js'
import { connectionWith, createStage, folder, inboundOver } from './stage.js'

const ID = 'spiffe://prod.example/orders'
const root = forgeCa()
const middle = forgeCa({ issuer: root, subject: commonName('middle'), keys: rsaKeys(2048) })
const orders = forge({ issuer: root, sans: [san.uri(ID), san.dns('orders.prod.example')] })
const below = forge({
  issuer: middle,
  sans: [san.uri(ID), san.ip(192, 0, 2, 1)],
  extensions: [extension('2.5.29.32', false, sequence(sequence()))],
})
const good = forge({ issuer: middle, sans: [san.uri(ID), san.ip(192, 0, 2, 1)] })
const options = { trust: { trustDomain: 'prod.example', pem: pem(root.der) } }

/** Reads or refuses, and nothing else; never takes what is not the original for a peer. */
async function survives(leaf: Uint8Array, intermediates: readonly Uint8Array[], originals: readonly Uint8Array[]): Promise<void> {
  try {
    parseCertificate(leaf)
  } catch (error) {
    assert.ok(error instanceof RefusedError && error.code === 'ERR_PEER_UNREADABLE')
  }
  const verifier = createPeerVerifier(options, createStage())
  const finding = await verifier.verify(inboundOver(connectionWith(leaf, ...intermediates)))
  await verifier.close()
  const intact = originals.some((original) => Buffer.compare(original, leaf) === 0)
  assert.ok(finding !== null && 'refused' in finding !== intact)
  if ('refused' in finding) assert.match(finding.code, /^ERR_PEER_/)
}

function mutate(bytes: Uint8Array, at: number, octet: number): Uint8Array {
  const copy = new Uint8Array(bytes)
  copy[at % copy.length] = octet
  return copy
}

test('accepts no certificate of which any single bit was flipped', async () => {
  const verifier = createPeerVerifier(options, createStage())
  const accepted: number[] = []
  for (const [leaf, chain] of [
    [orders, []],
    [good, [middle]],
  ] as const satisfies readonly (readonly [Forged, readonly Forged[]])[]) {
    for (let bit = 0; bit < leaf.der.length * 8; bit++) {
      const at = bit >> 3
      const flipped = mutate(leaf.der, at, (leaf.der[at] ?? 0) ^ (1 << (bit & 7)))
      const finding = await verifier.verify(inboundOver(connectionWith(flipped, ...chain)))
      if (finding === null || !('refused' in finding)) accepted.push(bit)
    }
  }
  await verifier.close()
  assert.deepEqual(accepted, [])
})

test('survives any bytes as a certificate', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 400 }), (bytes) => survives(bytes, [bytes], [])),
    { numRuns: 500 },
  )
})

test('survives certificates with octets changed, cut off, repeated and added', async () => {
  const change = fc.record({
    leaf: fc.constantFrom(orders, below, good),
    edits: fc.array(fc.tuple(fc.nat(2_000), fc.integer({ min: 0, max: 255 })), { maxLength: 4 }),
    cut: fc.nat(40),
    tail: fc.uint8Array({ maxLength: 8 }),
  })
  await fc.assert(
    fc.asyncProperty(change, async ({ leaf, edits, cut, tail }) => {
      const edited = edits.reduce<Uint8Array>((bytes, [at, octet]) => mutate(bytes, at, octet), leaf.der)
      const changed = Buffer.concat([edited.subarray(0, edited.length - cut), tail])
      await survives(changed, [middle.der, changed], [orders.der, good.der])
    }),
    { numRuns: 1_000 },
  )
})

test('survives trees of DER that are no certificate, and intermediates that are damaged', async () => {
  const { tree } = fc.letrec<{ tree: Uint8Array }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 6 },
      fc.nat().map(integer),
      fc.uint8Array({ maxLength: 20 }).map((bytes) => der(0x04, bytes)),
      fc.constantFrom(0x30, 0x31, 0xa0, 0xa3).chain((tag) => fc.array(tie('tree'), { maxLength: 5 }).map((parts) => der(tag, ...parts))),
    ),
  }))
  await fc.assert(
    fc.asyncProperty(tree, (bytes) => survives(bytes, [bytes], [])),
    { numRuns: 500 },
  )
  await fc.assert(
    fc.asyncProperty(fc.nat(2_000), fc.integer({ min: 0, max: 255 }), async (at, octet) => {
      const damaged = mutate(middle.der, at, octet)
      const intact = Buffer.compare(damaged, middle.der) === 0
      await survives(good.der, [damaged], intact ? [good.der] : [])
    }),
    { numRuns: 500 },
  )
})

test('survives any length in any header, and nesting without end', async () => {
  const bomb = fc.tuple(fc.nat(700), fc.constantFrom(0x80, 0x81, 0x84, 0x85, 0x88, 0xff), fc.uint8Array({ minLength: 8, maxLength: 8 }))
  await fc.assert(
    fc.asyncProperty(bomb, ([at, length, octets]) => {
      const bytes = Buffer.concat([orders.der.subarray(0, at), Uint8Array.of(length), octets, orders.der.subarray(at)])
      return survives(bytes, [], [])
    }),
    { numRuns: 500 },
  )
  await survives(Buffer.alloc(60_000, 0x30), [], [])
  await survives(Buffer.from('30 84 00 00 ff ff'.repeat(5_000).replaceAll(' ', ''), 'hex'), [], [])
})

test('survives any bytes as a CRL, and takes no damaged one for good', async (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => typeof readCrl(bytes) === 'string'),
    { numRuns: 500 },
  )
  const serial = integer(2n ** 150n)
  const revoked = forge({ issuer: root, sans: [san.uri(ID)], serial })
  const crl = forgeCrl(root, { serials: [integer(1), serial] })
  const files = folder(t)
  const damage = fc.record({
    at: fc.nat(2_000),
    octet: fc.integer({ min: 0, max: 255 }),
    cut: fc.nat(2),
    tail: fc.uint8Array({ maxLength: 2 }),
  })
  await fc.assert(
    fc.asyncProperty(damage, async ({ at, octet, cut, tail }) => {
      const file = files.write('ca.crl', Buffer.concat([mutate(crl, at, octet).subarray(0, crl.length - cut), tail]))
      try {
        const verifier = createPeerVerifier({ ...options, revocation: { crl: { files: [file] } } }, createStage())
        const finding = await verifier.verify(inboundOver(connectionWith(revoked)))
        await verifier.close()
        assert.ok(finding !== null && 'refused' in finding && /^ERR_PEER_REVO/.test(finding.code))
      } catch (error) {
        assert.ok(error instanceof MisuseError && error.code === 'ERR_TRUST_UNREADABLE')
      }
    }),
    { numRuns: 500 },
  )
})

test('survives any bytes as an OCSP response, and takes no damaged one for an answer', () => {
  const time = new Date(NOW_MS)
  const serial = integer(77)
  const asked = { certificate: forge({ issuer: root, sans: [san.uri(ID)], serial }).der, issuer: root.der, time }
  const reasonOf = (response: Uint8Array): unknown => {
    const found = verifyOcspResponse({ ...asked, response })
    return 'refused' in found ? found.code : found.status
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => reasonOf(bytes) === 'ERR_PEER_REVOCATION_UNKNOWN'),
    { numRuns: 500 },
  )
  const response = forgeOcsp({ issuer: root, serial, status: 'revoked', reason: 1, certificates: [root.der] })
  fc.assert(
    fc.property(fc.nat(response.length - 1), fc.integer({ min: 0, max: 255 }), fc.nat(2), (at, octet, cut) => {
      const damaged = mutate(response, at, octet).subarray(0, response.length - cut)
      const said = reasonOf(damaged)
      // Its certificates are not signed; what is signed says that it was revoked.
      assert.ok(said === 'ERR_PEER_REVOCATION_UNKNOWN' || said === 'revoked')
    }),
    { numRuns: 2_000 },
  )
})
