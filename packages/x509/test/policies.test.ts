import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type PolicyRequest, verifyChain } from '@countersign/x509'
import { chainOf, inhibitAny, mappings, POLICY, policies, policyConstraints, root } from './chain.js'
import { san } from './der.js'
import { type Forged, forge, forgeCa, NOW_MS, pem } from './forge.js'
import { connectionWith, open, verdict } from './stage.js'

const { a, b, c, any } = POLICY
const EXPLICIT: PolicyRequest = { requireExplicit: true }

function judge([leaf, ...intermediates]: readonly Forged[], request: PolicyRequest = {}): readonly string[] | string {
  const result = verifyChain({
    leaf: leaf?.der ?? '',
    intermediates: intermediates.map((ca) => ca.der),
    anchors: [root.der],
    time: NOW_MS,
    policies: request,
  })
  return result.valid ? [...result.policies].sort() : result.code
}

const INVALID = 'ERR_PEER_CHAIN_INVALID'

test('finds the policies that every certificate of the path names', () => {
  assert.deepEqual(judge(chainOf([[policies(a, b)], [policies(b, c)]], [policies(b, c)])), [b])
  assert.deepEqual(judge(chainOf([[policies(a)], [policies(b)]], [policies(a)])), [])
  assert.deepEqual(judge(chainOf([[policies(a)]])), [])
  assert.deepEqual(judge(chainOf([[]], [policies(a)])), [])
})

test('lets anyPolicy stand for every policy, until it is inhibited', () => {
  assert.deepEqual(judge(chainOf([[policies(any)]], [policies(a)])), [a])
  assert.deepEqual(judge(chainOf([[policies(any)]], [policies(any)]), { initial: [a, b] }), [a, b])
  assert.deepEqual(judge(chainOf([[policies(any)]], [policies(any)])), [any])
  assert.deepEqual(judge(chainOf([[policies(any), inhibitAny(0)]], [policies(any)]), EXPLICIT), INVALID)
  assert.deepEqual(judge(chainOf([[policies(any), inhibitAny(1)], [policies(any)]], [policies(any)]), EXPLICIT), INVALID)
  assert.deepEqual(judge(chainOf([[policies(any), inhibitAny(1)], [policies(any)]], [policies(a)]), EXPLICIT), [a])
  assert.deepEqual(judge(chainOf([[policies(any)]], [policies(a)]), { ...EXPLICIT, inhibitAnyPolicy: true }), INVALID)
})

test('demands a policy where it is asked to, or where a CA does', () => {
  assert.deepEqual(judge(chainOf([[policies(a)]], [policies(a)]), EXPLICIT), [a])
  assert.deepEqual(judge(chainOf([[policies(a)]], [policies(b)]), EXPLICIT), INVALID)
  assert.deepEqual(judge(chainOf([[policies(a)]], [policies(a)]), { ...EXPLICIT, initial: [b] }), INVALID)
  assert.deepEqual(judge(chainOf([[policies(a)]], [policies(a)]), { initial: [b] }), [])
  assert.deepEqual(judge(chainOf([[policies(a), policyConstraints(0)]])), INVALID)
  assert.deepEqual(judge(chainOf([[policies(a), policyConstraints(0)]], [policies(a)])), [a])
  assert.deepEqual(judge(chainOf([[policies(a), policyConstraints(2)]])), [])
  assert.deepEqual(judge(chainOf([[policies(a), policyConstraints(1)]])), INVALID)
  assert.deepEqual(judge(chainOf([[policies(a)]], [policies(b), policyConstraints(0)])), INVALID)
})

test('follows mappings, and refuses those of anyPolicy', () => {
  assert.deepEqual(judge(chainOf([[policies(a), mappings([a, b])]], [policies(b)]), EXPLICIT), [a])
  assert.deepEqual(judge(chainOf([[policies(a), mappings([a, b])]], [policies(a)]), EXPLICIT), INVALID)
  assert.deepEqual(judge(chainOf([[policies(a), mappings([a, b], [a, c])]], [policies(c)]), EXPLICIT), [a])
  assert.deepEqual(judge(chainOf([[policies(any), mappings([a, b])]], [policies(b)]), { ...EXPLICIT, initial: [a] }), [a])
  assert.deepEqual(judge(chainOf([[policies(a), mappings([a, b])]], [policies(b)]), { ...EXPLICIT, inhibitMapping: true }), INVALID)
  assert.deepEqual(
    judge(
      chainOf(
        [
          [policies(a), policyConstraints(null, 0)],
          [policies(a), mappings([a, b])],
        ],
        [policies(b)],
      ),
      EXPLICIT,
    ),
    INVALID,
  )
  assert.deepEqual(judge(chainOf([[policies(a), mappings([any, b])]], [policies(b)])), INVALID)
  assert.deepEqual(judge(chainOf([[policies(a), mappings([a, any])]], [policies(b)])), INVALID)
})

test('counts no self-issued certificate', () => {
  const ca = forgeCa({ issuer: root, extensions: [policies(a), policyConstraints(1)] })
  const selfIssued = forgeCa({ issuer: ca, subject: ca.subject, extensions: [policies(a)] })
  assert.deepEqual(judge([forge({ issuer: selfIssued, extensions: [policies(b)] }), selfIssued, ca]), INVALID)
  const later = forgeCa({ issuer: root, extensions: [policies(a), policyConstraints(2)] })
  const rolled = forgeCa({ issuer: later, subject: later.subject, extensions: [policies(a)] })
  assert.deepEqual(judge([forge({ issuer: rolled, extensions: [policies(b)] }), rolled, later]), [])
})

test('takes what would double the policy tree at every step in no time', () => {
  const pairs: (readonly [string, string])[] = []
  const names = Array.from({ length: 8 }, (_, i) => `1.2.3.${i + 1}`)
  for (const from of names) for (const to of names) pairs.push([from, to])
  const step = [policies(...names), mappings(...pairs)]
  const chain = chainOf([step, step, step, step, step, step, step], [policies(a)])
  assert.deepEqual(judge(chain, EXPLICIT), [...names].sort())
})

test('does not read policy extensions that are malformed', () => {
  for (const extensions of [[policies(a, a)], [policyConstraints(null)], [policyConstraints(0x80)], [inhibitAny(0xff)]]) {
    assert.equal(judge(chainOf([extensions])), 'ERR_PEER_UNTRUSTED')
    assert.equal(judge(chainOf([], extensions)), 'ERR_PEER_UNREADABLE')
  }
})

test('holds a caller’s certificate to the policies that its CA demands', async (t) => {
  const verifier = open(t, { trust: { trustDomain: null, pem: pem(root.der) } })
  const ca = forgeCa({ issuer: root, extensions: [policies(a), policyConstraints(0)] })
  const leaf = (extensions: readonly Uint8Array[]): Forged => forge({ issuer: ca, sans: [san.dns('orders.example')], extensions })
  assert.equal(await verdict(verifier, connectionWith(leaf([policies(a)]), ca)), 'orders.example')
  assert.equal(await verdict(verifier, connectionWith(leaf([]), ca)), INVALID)
  assert.equal(await verdict(verifier, connectionWith(leaf([policies(b)]), ca)), INVALID)
})
