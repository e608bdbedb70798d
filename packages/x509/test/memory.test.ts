import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { commonName, san } from './der.js'
import { ecKeys, forge, forgeCa, pem } from './forge.js'
import { connectionOf, createStage, inboundOver, open } from './stage.js'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

function retainedBytes(): number {
  collect()
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

const PEERS = 2_000
const MAX_BYTES_A_CONNECTION = 4_096

test('keeps no more than 4 KB for a connection with a certificate of its own', async (t) => {
  const root = forgeCa()
  const middle = forgeCa({ issuer: root, subject: commonName('an intermediate of some length, prod.example') })
  const keys = ecKeys()
  const connections = Array.from({ length: PEERS }, (_, i) => {
    const leaf = forge({
      issuer: middle,
      keys,
      sans: [san.uri(`spiffe://prod.example/shop/service-${i}`), san.dns(`service-${i}.shop.prod.example`)],
    })
    // As Node hands it out: a slice of a pool that must not be kept alive.
    return connectionOf(() => {
      const pool = Buffer.alloc(8_192)
      pool.set(leaf.der, 64)
      return { kind: 'certificate', leaf: pool.subarray(64, 64 + leaf.der.length), intermediates: [new Uint8Array(middle.der)] }
    })
  })
  const stage = { ...createStage(), recorder: { wants: () => false, record: () => true, async close() {} } }
  const verifier = open(t, { trust: { trustDomain: 'prod.example', pem: pem(root.der) } }, stage)
  const before = retainedBytes()
  for (const connection of connections) await verifier.verify(inboundOver(connection))
  const kept = (retainedBytes() - before) / PEERS
  assert.ok(connections.every((connection) => !('refused' in (verifier.recall(inboundOver(connection)) ?? { refused: true }))))
  t.diagnostic(`${Math.round(kept)} bytes a connection`)
  assert.ok(kept <= MAX_BYTES_A_CONNECTION, `${kept} bytes a connection`)
})
