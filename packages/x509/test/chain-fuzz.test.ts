import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ChainRequest, verifyChain } from '@countersign/x509'
import fc from 'fast-check'
import { mappings, middle, POLICY, policies, root } from './chain.js'
import { commonName, der, integer, name, oid, san, sequence, text } from './der.js'
import { ecKeys, extension, type Forged, forge, forgeCa, forgeCrl, NOW_MS } from './forge.js'

const keys = ecKeys()
const constraints = extension('2.5.29.30', true, sequence(der(0xa0, sequence(san.dns('example')))))
const rich = [policies(POLICY.a, POLICY.any), mappings([POLICY.a, POLICY.b]), constraints]
const ca = forgeCa({ issuer: root, subject: commonName('rich'), keys, extensions: rich })
const leaf = forge({ issuer: ca, keys, sans: [san.dns('orders.example')], extensions: [policies(POLICY.b)] })
const names = [{ type: 'dns', value: 'orders.example' }] as const

/** A verdict, and nothing else. */
function verdict(request: Partial<ChainRequest>): string {
  const result = verifyChain({ leaf: leaf.der, intermediates: [ca.der], anchors: [root.der], time: NOW_MS, names, ...request })
  if (result.valid) return `valid ${result.path.length}`
  assert.match(result.code, /^ERR_PEER_/)
  return result.code
}

const trees = fc.letrec<{ tree: Uint8Array }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 5 },
    fc.nat().map(integer),
    fc.uint8Array({ maxLength: 12 }).map((bytes) => der(0x04, bytes)),
    fc.uint8Array({ maxLength: 12 }).chain((bytes) => fc.constantFrom(0x03, 0x80, 0x81, 0x82, 0x86, 0x87).map((tag) => der(tag, bytes))),
    fc.constantFrom('1.2.3', '2.5.29.32.0', '1.3.6.1.5.5.7.3.2').map(oid),
    fc
      .constantFrom(0x30, 0x31, 0xa0, 0xa1, 0xa4)
      .chain((tag) => fc.array(tie('tree'), { maxLength: 4 }).map((parts) => der(tag, ...parts))),
  ),
})).tree

const KINDS = [14, 15, 17, 19, 30, 31, 32, 33, 35, 36, 37, 46, 54].map((arc) => `2.5.29.${arc}`)

test('survives extensions of any content that a trusted CA has signed, in a leaf and in a CA', () => {
  fc.assert(
    fc.property(fc.constantFrom(...KINDS), fc.boolean(), trees, (kind, critical, value) => {
      const plain = { keys, withoutKeyIds: true, withoutConstraints: kind === '2.5.29.19', keyUsage: null, purposes: null }
      const odd = extension(kind, critical, value)
      verdict({ leaf: forge({ ...plain, issuer: root, extensions: [odd] }).der, names: [] })
      const below = forgeCa({ ...plain, issuer: root, subject: commonName('odd'), extensions: [odd] })
      verdict({ leaf: forge({ issuer: below, keys }).der, intermediates: [below.der], names: [] })
      verdict({ leaf: forge({ issuer: below, keys }).der, anchors: [below.der], names: [] })
    }),
    { numRuns: 400 },
  )
})

test('survives names and keys of any content', () => {
  const texts = fc.tuple(fc.constantFrom(0x0c, 0x13, 0x14, 0x16, 0x1a, 0x1c, 0x1e), fc.uint8Array({ maxLength: 40 }))
  fc.assert(
    fc.property(fc.array(texts, { maxLength: 4 }), trees, (values, spki) => {
      const subject = name(...values.map(([tag, bytes]) => [['2.5.4.3', der(tag, bytes)] as const]))
      const odd = forgeCa({ issuer: root, subject, keys })
      verdict({ leaf: forge({ issuer: odd, keys }).der, intermediates: [odd.der], names: [] })
      verdict({ leaf: forge({ issuer: root, keys, spki: sequence(spki) }).der, names: [] })
      verdict({ anchors: [{ name: subject, publicKey: sequence(spki) }] })
    }),
    { numRuns: 400 },
  )
})

test('takes no path of which any octet was changed', () => {
  fc.assert(
    fc.property(fc.constantFrom(leaf, ca), fc.nat(3_000), fc.integer({ min: 1, max: 255 }), (which: Forged, at, flip) => {
      const changed = new Uint8Array(which.der)
      changed[at % changed.length] = (changed[at % changed.length] ?? 0) ^ flip
      assert.notEqual(verdict(which === leaf ? { leaf: changed } : { intermediates: [changed] }).slice(0, 5), 'valid')
    }),
    { numRuns: 600 },
  )
  assert.equal(verdict({}), 'valid 3')
})

test('survives any bytes in every place of a request', () => {
  const bytes = fc.oneof(fc.uint8Array({ maxLength: 200 }), fc.string(), trees)
  fc.assert(
    fc.property(bytes, (one) => {
      assert.equal(verdict({ leaf: one }), 'ERR_PEER_UNREADABLE')
      assert.equal(verdict({ intermediates: [one, ca.der], anchors: [one, root.der] }), 'valid 3')
      assert.equal(verdict({ crls: [one] }), 'ERR_PEER_REVOCATION_UNKNOWN')
      assert.equal(verdict({ crls: [one, forgeCrl(root), forgeCrl(ca)] }), 'valid 3')
      verdict({ names: [{ type: 'dns', value: `x${Buffer.from(one).toString('latin1')}` }] })
    }),
    { numRuns: 200 },
  )
})

test('does not work the longer, the more names and constraints there are', () => {
  const hosts = Array.from({ length: 250 }, (_, i) => san.dns(`h${i}.example`))
  const tight = extension('2.5.29.30', true, sequence(der(0xa1, ...hosts.map((host) => sequence(host)))))
  const cas = Array.from({ length: 40 }, () => forgeCa({ issuer: root, subject: middle.subject, keys, extensions: [tight] }))
  const many = forge({ issuer: { ...middle, privateKey: keys.privateKey }, keys, sans: hosts, withoutKeyIds: true })
  assert.equal(verdict({ leaf: many.der, intermediates: cas.map((one) => one.der), names: [] }), 'ERR_PEER_TOO_COMPLEX')
  const wordy = forge({ issuer: root, keys, subject: name(...Array.from({ length: 70 }, (_, i) => [['2.5.4.3', text(`${i}`)]] as const)) })
  assert.equal(verdict({ leaf: wordy.der, names: [] }), 'ERR_PEER_UNREADABLE')
})
