import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { isRefusal, type Peer, type RevocationKind, type RevocationList } from '@countersign/core'
import { san } from './der.js'
import { forge, forgeCa, pem } from './forge.js'
import { connectionWith, createStage, inboundOver, open, recalled, verdict } from './stage.js'

const ID = 'spiffe://prod.example/orders'
const root = forgeCa()
const orders = forge({ issuer: root, sans: [san.uri(ID)] })
const renewed = forge({ issuer: root, sans: [san.uri(ID)] })
const trust = { trustDomain: 'prod.example', pem: pem(root.der) }
const thumbprintOf = (der: Uint8Array): string => createHash('sha256').update(der).digest('base64url')

interface List extends RevocationList {
  readonly denied: Map<string, number>
  readonly asked: string[]
  ageMs: number
  epoch?: number
  answer: unknown
}

function createList(): List {
  const list: List = {
    denied: new Map(),
    asked: [],
    ageMs: 0,
    answer: undefined,
    has(kind: RevocationKind, id: string, issuedAtMs: number): boolean {
      list.asked.push(`${kind} ${id}`)
      if (list.answer instanceof Error) throw list.answer
      if (list.answer !== undefined) return list.answer as boolean
      return issuedAtMs < (list.denied.get(`${kind} ${id}`) ?? Number.NEGATIVE_INFINITY)
    },
  }
  return list
}

test('refuses a certificate by its thumbprint on the next request, and another one of the same name not', async (t) => {
  const denyList = createList()
  const verifier = open(t, { trust, denyList })
  const connection = connectionWith(orders)
  assert.equal(await verdict(verifier, connection), ID)
  const peer = verifier.recall(inboundOver(connection)) as Peer
  denyList.denied.set(`certificate ${thumbprintOf(orders.der)}`, Number.POSITIVE_INFINITY)
  assert.equal(recalled(verifier, connection), 'ERR_PEER_REVOKED')
  assert.equal(verifier.judge(peer)?.code, 'ERR_PEER_REVOKED')
  assert.equal(await verdict(verifier, connectionWith(orders)), 'ERR_PEER_REVOKED')
  assert.equal(await verdict(verifier, connectionWith(renewed)), ID)
  const found = verifier.recall(inboundOver(connection))
  assert.ok(isRefusal(found))
  assert.deepEqual(found.facts, { denied: 'certificate' })
  assert.equal(found.evidence?.['presented'], ID)
})

test('refuses a service by its name, and not for what it was issued before a moment', async (t) => {
  const denyList = createList()
  const verifier = open(t, { trust, denyList })
  const connection = connectionWith(orders)
  assert.equal(await verdict(verifier, connection), ID)
  denyList.denied.set(`service ${ID}`, Date.now() + 86_400_000)
  assert.equal(recalled(verifier, connection), ID)
  denyList.denied.set(`service ${ID}`, Number.POSITIVE_INFINITY)
  for (const leaf of [orders, renewed]) assert.equal(await verdict(verifier, connectionWith(leaf)), 'ERR_PEER_REVOKED')
})

test('asks nobody about what it has not verified', async (t) => {
  const denyList = createList()
  const verifier = open(t, { trust, denyList })
  const stranger = forge({ issuer: forgeCa(), sans: [san.uri(ID)] })
  assert.equal(await verdict(verifier, connectionWith(stranger)), 'ERR_PEER_UNTRUSTED')
  assert.deepEqual(denyList.asked, [])
})

test('asks again only once the list has changed, where it says when, and else on every request', async (t) => {
  const denyList = createList()
  const verifier = open(t, { trust, denyList })
  const connection = connectionWith(orders)
  await verdict(verifier, connection)
  const askedPerRequest = denyList.asked.length
  recalled(verifier, connection)
  assert.equal(denyList.asked.length, 2 * askedPerRequest)
  denyList.epoch = 1
  recalled(verifier, connection)
  const before = denyList.asked.length
  for (let request = 0; request < 10; request++) assert.equal(recalled(verifier, connection), ID)
  assert.equal(denyList.asked.length, before)
  denyList.epoch = 2
  denyList.denied.set(`service ${ID}`, Number.POSITIVE_INFINITY)
  assert.equal(recalled(verifier, connection), 'ERR_PEER_REVOKED')
  // A refusal is nothing that an epoch holds.
  denyList.denied.clear()
  assert.equal(recalled(verifier, connection), ID)
})

test('does not know where the list is too old, throws, or says neither yes nor no', async (t) => {
  const denyList = createList()
  const verifier = open(t, { trust, denyList })
  const connection = connectionWith(orders)
  await verdict(verifier, connection)
  for (const answer of [null, 0, 1, '', 'no', {}, Promise.resolve(false), new Error('down')]) {
    denyList.answer = answer
    assert.equal(recalled(verifier, connection), 'ERR_PEER_REVOCATION_UNKNOWN', String(answer))
  }
  denyList.answer = undefined
  denyList.epoch = 1
  assert.equal(recalled(verifier, connection), ID)
  for (const ageMs of [30_001, Number.POSITIVE_INFINITY, Number.NaN, -1]) {
    denyList.ageMs = ageMs
    assert.equal(recalled(verifier, connection), 'ERR_PEER_REVOCATION_UNKNOWN', String(ageMs))
    assert.equal(await verdict(verifier, connectionWith(orders)), 'ERR_PEER_REVOCATION_UNKNOWN')
  }
  Object.defineProperty(denyList, 'ageMs', {
    get: () => {
      throw new Error('down')
    },
  })
  assert.equal(recalled(verifier, connection), 'ERR_PEER_REVOCATION_UNKNOWN')
})

test('takes the age from the list itself, or from the options', async (t) => {
  const denyList = Object.assign(createList(), { leaseMs: 1_000 })
  const [own, longer] = [
    open(t, { trust, denyList }),
    open(t, { trust, denyList: { list: denyList, whenUnavailable: { staleSeconds: 5 } } }),
  ]
  const connection = connectionWith(orders)
  for (const [ageMs, first, second] of [
    [1_000, ID, ID],
    [1_001, 'ERR_PEER_REVOCATION_UNKNOWN', ID],
    [5_001, 'ERR_PEER_REVOCATION_UNKNOWN', 'ERR_PEER_REVOCATION_UNKNOWN'],
  ] as const) {
    denyList.ageMs = ageMs
    assert.equal(await verdict(own, connection), first)
    assert.equal(await verdict(longer, connectionWith(orders)), second)
  }
})

test('says in the line at start that there is a deny list', (t) => {
  assert.match(String(open(t, { trust, denyList: createList() }, createStage())), /a deny list/)
  assert.doesNotMatch(String(open(t, { trust }, createStage())), /deny list/)
})
