import '../bench/crypto-count.js'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RefusedError } from '@countersign/core'
import { type ChainResult, parseCertificate, verifyChain } from '@countersign/x509'
import fc from 'fast-check'
import { signatureChecks } from '../bench/crypto-count.js'
import { NOW_MS } from '../chains/certificate.js'
import { authorityWith, BARE, FIELDS, GOOD_LEAF, KEYS, leafWith, ROOT_DER } from './hostile-der.js'

const RUNS = Number(process.env['COUNTERSIGN_RUNS'] ?? 3000)
const SEED = Number(process.env['COUNTERSIGN_SEED'] ?? 20_261_126)
/** No chain costs more (the budget of path building). */
const MOST_CHECKS = 64

function judge(leaf: Uint8Array, intermediates: readonly Uint8Array[] = [], anchors: readonly Uint8Array[] = [ROOT_DER]): ChainResult {
  const before = signatureChecks()
  const result = verifyChain({ leaf, intermediates, anchors, time: NOW_MS })
  const checks = signatureChecks() - before
  assert.ok(checks <= MOST_CHECKS, `${checks} signatures checked`)
  return result
}

function codeOf(result: ChainResult): string | null {
  return result.valid ? null : result.code
}

/** Reads it or refuses it, and nothing else. */
function readOrRefuse(der: Uint8Array): string | null {
  try {
    parseCertificate(der)
    return null
  } catch (error) {
    assert.ok(error instanceof RefusedError, String(error))
    return error.code
  }
}

test('good chains are let through, so that all the others are refused for what is wrong with them', () => {
  assert.equal(codeOf(judge(GOOD_LEAF)), null)
  const { authority, leaf } = authorityWith(() => {})
  assert.equal(codeOf(judge(leaf, [authority])), null)
})

test('octets that are no certificate are refused wherever they stand, and are in nobody’s way', () => {
  for (const { name, der } of BARE) {
    assert.equal(readOrRefuse(der), 'ERR_PEER_UNREADABLE', name)
    assert.equal(codeOf(judge(der)), 'ERR_PEER_UNREADABLE', name)
    assert.equal(codeOf(judge(GOOD_LEAF, [der])), null, `${name}, beside a good path`)
    assert.equal(codeOf(judge(GOOD_LEAF, [], [der])), 'ERR_PEER_UNTRUSTED', `${name}, as the anchor`)
  }
})

test('a certificate of which one field is a bomb is refused, as leaf, as intermediate and as anchor', () => {
  for (const [name, change] of Object.entries(FIELDS)) {
    const leaf = leafWith(change)
    readOrRefuse(leaf)
    assert.notEqual(codeOf(judge(leaf)), null, name)
    const below = authorityWith(change)
    assert.notEqual(codeOf(judge(below.leaf, [below.authority])), null, `${name}, in an authority`)
    assert.equal(codeOf(judge(GOOD_LEAF, [leaf, below.authority])), null, `${name}, beside a good path`)
  }
})

test('a public key that stops or holds up others does neither here', () => {
  for (const { name, spki } of KEYS) {
    const leaf = leafWith((spec) => void Object.assign(spec, { spki }))
    readOrRefuse(leaf)
    // The key of a leaf verifies nothing: some of them are found out by a handshake alone.
    judge(leaf)
    const below = authorityWith((spec) => void Object.assign(spec, { spki }))
    assert.notEqual(codeOf(judge(below.leaf, [below.authority])), null, `${name}, in an authority`)
    assert.notEqual(codeOf(judge(below.leaf, [], [below.authority])), null, `${name}, in the anchor`)
    // A certificate that seems to have signed itself is verified with its own key.
    const own = leafWith((spec) => void Object.assign(spec, { spki, issuer: spec.subject, extensions: null, version: null }))
    assert.notEqual(codeOf(judge(own)), null, `${name}, in what seems to be self-signed`)
  }
})

test('no chain of which any certificate differs in any octet is let through, and none throws', () => {
  const { authority, leaf } = authorityWith(() => {})
  const whole = [leaf, authority, ROOT_DER]
  fc.assert(
    fc.property(
      fc.nat({ max: 1 }),
      fc.nat({ max: 4000 }),
      fc.integer({ min: 1, max: 255 }),
      fc.nat({ max: 3 }),
      (which, place, mask, way) => {
        const good = whole[which] ?? leaf
        const at = place % good.length
        const flipped = good.map((octet, index) => (index === at ? octet ^ mask : octet))
        const changed = [
          flipped,
          Buffer.concat([good.subarray(0, at), good.subarray(at + 1)]),
          Buffer.concat([good.subarray(0, at), bytesOf(mask), good.subarray(at)]),
          good.subarray(0, at),
        ][way]
        if (changed === undefined) return
        const [one = leaf, two = authority] = whole.map((der, index) => (index === which ? changed : der))
        assert.notEqual(codeOf(judge(one, [two])), null)
        readOrRefuse(changed)
      },
    ),
    { numRuns: RUNS, seed: SEED },
  )
})

test('octets of any kind in any place give a code', () => {
  const some = fc.uint8Array({ maxLength: 300 })
  fc.assert(
    fc.property(some, fc.array(some, { maxLength: 4 }), fc.array(some, { maxLength: 3 }), (leaf, intermediates, anchors) => {
      assert.notEqual(codeOf(judge(leaf, intermediates, [...anchors, ROOT_DER])), null)
      assert.notEqual(codeOf(judge(GOOD_LEAF, intermediates, [...anchors, GOOD_LEAF])), null)
    }),
    { numRuns: RUNS, seed: SEED },
  )
})

function bytesOf(value: number): Uint8Array {
  return Uint8Array.of(value)
}
