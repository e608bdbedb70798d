import '../bench/crypto-count.js'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ChainRequest, verifyChain } from '@countersign/x509'
import { signatureChecks } from '../bench/crypto-count.js'
import {
  authoritySpec,
  type CertificateSpec,
  certificateFrom,
  extension,
  general,
  leafSpec,
  NOW_MS,
  nameFrom,
  OID,
} from '../chains/certificate.js'
import { boolean, bytes, der, integer, oid, sequence } from '../chains/der.js'
import { createKeyPool, type Key, type KeyKind } from '../chains/keys.js'

/** No chain costs more (the budget of path building). */
const MOST_CHECKS = 64

const keys = createKeyPool()

interface Authority {
  readonly name: Uint8Array
  readonly key: Key
}

function authority(label: string, index: number, kind: KeyKind = 'p256'): Authority {
  return { name: nameFrom(['O', 'Shop'], ['CN', label]), key: keys.of(kind, index) }
}

let serial = 1000

function issue(subject: Authority, issuer: Authority, change: (spec: CertificateSpec) => void = () => {}): Uint8Array {
  const spec = authoritySpec(subject.name, subject.key, issuer, ++serial)
  change(spec)
  return certificateFrom(spec)
}

function leafOf(
  issuer: Authority,
  sans: readonly Uint8Array[] = [general.uri('spiffe://prod.example/orders')],
  change: (spec: CertificateSpec) => void = () => {},
): Uint8Array {
  const spec = leafSpec(nameFrom(['O', 'Shop'], ['CN', 'leaf']), keys.of('p256', 13), issuer, ++serial, sans)
  change(spec)
  return certificateFrom(spec)
}

function judge(request: ChainRequest): { readonly code: string | null; readonly checks: number } {
  const before = signatureChecks()
  const result = verifyChain({ time: NOW_MS, ...request })
  const checks = signatureChecks() - before
  assert.ok(checks <= MOST_CHECKS, `${checks} signatures checked`)
  return { code: result.valid ? null : result.code, checks }
}

const root = authority('root', 0)
const stranger = authority('stranger', 1)
const ROOT_DER = issue(root, root)

test('two hundred certificates of one name and one key are tried within the budget', () => {
  const one = authority('one', 2)
  const intermediates = Array.from({ length: 200 }, () => issue(one, one))
  assert.match(judge({ leaf: leafOf(one), intermediates, anchors: [ROOT_DER] }).code ?? '', /^ERR_PEER_(?:TOO_COMPLEX|UNTRUSTED)$/)
})

test('layers of cross-signed authorities, four thousand paths and none to an anchor, are given up within the budget', () => {
  const layers = Array.from({ length: 4 }, (_, layer) =>
    Array.from({ length: 8 }, (_, at) => authority(`layer ${layer}`, 2 + ((layer * 8 + at) % 10))),
  )
  const intermediates = layers.flatMap((layer, at) => {
    const above = layers[at + 1] ?? [stranger]
    return layer.flatMap((one) => above.slice(0, 6).map((issuer) => issue(one, issuer)))
  })
  const [first] = layers[0] ?? []
  assert.ok(first !== undefined)
  assert.equal(judge({ leaf: leafOf(first), intermediates, anchors: [ROOT_DER] }).code, 'ERR_PEER_TOO_COMPLEX')
})

test('every authority signed by every other is given up within the budget', () => {
  const all = Array.from({ length: 12 }, (_, at) => authority(`node ${at}`, at))
  const intermediates = all.flatMap((one) => all.filter((other) => other !== one).map((issuer) => issue(one, issuer)))
  const [first] = all
  assert.ok(first !== undefined)
  assert.equal(judge({ leaf: leafOf(first), intermediates, anchors: [issue(stranger, stranger)] }).code, 'ERR_PEER_TOO_COMPLEX')
})

test('paths of few signatures and many ways to an anchor that refuses are given up within the budget', () => {
  // Two certificates for each of eight authorities: 32 signatures, and 256 paths, each of which the anchor refuses at its end.
  const line = Array.from({ length: 8 }, (_, at) => authority(`line ${at}`, 2 + at))
  const intermediates = line.flatMap((one, at) => {
    const issuer = line[at + 1] ?? root
    return [issue(one, issuer), issue(one, issuer, (spec) => void spec.extensions?.push(policies(64), mappings(64)))]
  })
  const refusing = issue(root, root, (spec) => void replace(spec, OID.basicConstraints, sequence(boolean(true), integer(0))))
  const [first] = line
  assert.ok(first !== undefined)
  assert.match(judge({ leaf: leafOf(first), intermediates, anchors: [refusing] }).code ?? '', /^ERR_PEER_(?:TOO_COMPLEX|CHAIN_INVALID)$/)
})

test('keys that take long count for more: fewer of their signatures are checked', () => {
  const slow = authority('slow', 0, 'p521')
  const many = Array.from({ length: 40 }, () => issue(slow, stranger, (spec) => void Object.assign(spec, { spki: slow.key.spki })))
  const leaf = leafOf(
    slow,
    undefined,
    (spec) => void Object.assign(spec, { spoil: (signature: Uint8Array) => signature.map((octet, at) => (at === 9 ? octet ^ 1 : octet)) }),
  )
  const { checks } = judge({ leaf, intermediates: many, anchors: [ROOT_DER] })
  assert.ok(checks <= 9, `${checks} of P-521`)
})

test('more intermediates than anybody has are not looked at', () => {
  const one = authority('one', 2)
  const intermediates = Array<Uint8Array>(5000).fill(issue(one, stranger))
  const { code, checks } = judge({ leaf: leafOf(one), intermediates, anchors: [ROOT_DER] })
  assert.deepEqual({ code, checks }, { code: 'ERR_PEER_TOO_COMPLEX', checks: 0 })
})

test('a path longer than its limit ends with a code, however long it goes on', () => {
  const line = Array.from({ length: 100 }, (_, at) => authority(`line ${at}`, 2 + (at % 10)))
  const intermediates = line.map((one, at) => issue(one, line[at + 1] ?? root))
  const [first] = line
  assert.ok(first !== undefined)
  assert.equal(judge({ leaf: leafOf(first), intermediates, anchors: [ROOT_DER] }).code, 'ERR_PEER_TOO_COMPLEX')
})

test('a good path is found among two hundred certificates that lead nowhere', () => {
  const one = authority('one', 2)
  const useless = Array.from({ length: 200 }, (_, at) => issue(authority(`nobody ${at}`, 3), stranger))
  const intermediates = [...useless.slice(0, 100), issue(one, root), ...useless.slice(100)]
  assert.equal(judge({ leaf: leafOf(one), intermediates, anchors: [ROOT_DER] }).code, null)
})

const dnsNames = (count: number): Uint8Array[] => Array.from({ length: count }, (_, at) => general.dns(`h${at}.example.com`))
const constraints = (count: number, excluded: boolean): Uint8Array =>
  sequence(der(excluded ? 0xa1 : 0xa0, ...Array.from({ length: count }, (_, at) => sequence(general.dns(`x${at}.example.org`)))))

test('hundreds of names under hundreds of constraints are given up within the budget', () => {
  const [one, two, three] = [authority('one', 2), authority('two', 3), authority('three', 4)]
  const under = (spec: CertificateSpec): void => void spec.extensions?.push(extension(OID.nameConstraints, true, constraints(256, true)))
  const intermediates = [issue(one, two, under), issue(two, three, under), issue(three, root, under)]
  assert.equal(judge({ leaf: leafOf(one, dnsNames(256)), intermediates, anchors: [ROOT_DER] }).code, 'ERR_PEER_TOO_COMPLEX')
})

test('more names or more constraints than that are not read', () => {
  const one = authority('one', 2)
  const over = issue(one, root, (spec) => void spec.extensions?.push(extension(OID.nameConstraints, true, constraints(1000, false))))
  assert.equal(
    judge({ leaf: leafOf(one, dnsNames(1000)), intermediates: [issue(one, root)], anchors: [ROOT_DER] }).code,
    'ERR_PEER_UNREADABLE',
  )
  assert.equal(judge({ leaf: leafOf(one), intermediates: [over], anchors: [ROOT_DER] }).code, 'ERR_PEER_UNTRUSTED')
})

const policyOid = (at: number): Uint8Array => oid(`1.3.6.1.4.1.99999.20.${at}`)

function policies(count: number) {
  return extension(OID.policies, false, sequence(...Array.from({ length: count }, (_, at) => sequence(policyOid(at)))))
}

/** Every policy to several: each step of the tree of RFC 5280 would multiply its leaves. */
function mappings(count: number) {
  const side = Math.floor(Math.sqrt(count))
  const pairs = Array.from({ length: count }, (_, at) => sequence(policyOid(Math.floor(at / side)), policyOid(at % side)))
  return extension(OID.policyMappings, true, sequence(...pairs))
}

test('policies that double at each step are worked out, for there is one node for each (RFC 9618)', () => {
  const line = Array.from({ length: 8 }, (_, at) => authority(`line ${at}`, 2 + at))
  const intermediates = line.map((one, at) =>
    issue(one, line[at + 1] ?? root, (spec) => void spec.extensions?.push(policies(64), mappings(64))),
  )
  const [first] = line
  assert.ok(first !== undefined)
  const leaf = leafOf(first, undefined, (spec) => void spec.extensions?.push(policies(8)))
  const request = { leaf, intermediates, anchors: [ROOT_DER], time: NOW_MS, policies: { requireExplicit: true } }
  const result = verifyChain(request)
  assert.ok(result.valid, JSON.stringify(result))
  assert.ok(result.policies.length <= 64, `${result.policies.length} policies`)
  const other = verifyChain({ ...request, policies: { requireExplicit: true, initial: ['1.2.3.4'] } })
  assert.equal(other.valid ? null : other.code, 'ERR_PEER_CHAIN_INVALID')
})

test('more policies or mappings than that are not read', () => {
  const one = authority('one', 2)
  for (const bomb of [policies(1000), mappings(1024)]) {
    const intermediates = [issue(one, root, (spec) => void spec.extensions?.push(bomb))]
    assert.equal(judge({ leaf: leafOf(one), intermediates, anchors: [ROOT_DER] }).code, 'ERR_PEER_UNTRUSTED')
  }
})

function replace(spec: CertificateSpec, type: string, value: Uint8Array): void {
  spec.extensions = [...(spec.extensions ?? []).filter((one) => one.oid !== type), extension(type, true, value)]
}

test('numbers without end in constraints on policies are numbers', () => {
  const one = authority('one', 2)
  const skip = (content: Uint8Array) => extension(OID.policyConstraints, true, sequence(der(0x80, content)))
  const judgeWith = (content: Uint8Array): string | null =>
    judge({
      leaf: leafOf(one),
      intermediates: [issue(one, root, (spec) => void spec.extensions?.push(skip(content)))],
      anchors: [ROOT_DER],
    }).code
  assert.equal(judgeWith(bytes(0x7f, ...Array<number>(1000).fill(0xff))), null)
  assert.equal(judgeWith(bytes(0)), 'ERR_PEER_CHAIN_INVALID')
  assert.equal(judgeWith(bytes(0xff)), 'ERR_PEER_UNTRUSTED')
})
