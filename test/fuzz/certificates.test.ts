import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createGuard } from '@countersign/guard'
import { createTestClock, fakeInbound } from '@countersign/testing'
import fc from 'fast-check'
import { createCertificates, TRUST_DOMAIN } from '../conformance/certificates.js'
import { memoryRecorder } from '../conformance/memory-recorder.js'
import { checkedDecision } from './checked-decision.js'

const RUNS = Number(process.env['COUNTERSIGN_RUNS'] ?? 3000)
const SEED = Number(process.env['COUNTERSIGN_SEED'] ?? 20_261_123)

const clock = createTestClock()
const certificates = createCertificates(clock)
const recorder = memoryRecorder()
const guard = createGuard({
  mtls: { trust: [{ trustDomain: TRUST_DOMAIN, pem: certificates.root.certificatePem }] },
  jwt: null,
  authorize: 'any-authenticated',
  limit: null,
  audit: recorder,
  runtime: { clock },
})
const intermediate = certificates.intermediate.certificateDer
const parameters = { numRuns: RUNS, seed: SEED }

async function isGranted(leaf: Uint8Array, intermediates: readonly Uint8Array[] = []): Promise<boolean> {
  const inbound = fakeInbound({ presented: { kind: 'certificate', leaf, intermediates } })
  return (await checkedDecision(guard, recorder, inbound)).allowed
}

test('good certificates are let through, so that all the others are refused for what is wrong with them', async () => {
  for (const kind of ['orders', 'orders-rsa', 'orders-ed25519'] as const)
    assert.equal(await isGranted(certificates.of(kind).certificateDer), true)
  assert.equal(await isGranted(certificates.of('orders-below-intermediate').certificateDer, [intermediate]), true)
})

for (const kind of ['orders', 'orders-rsa', 'orders-ed25519'] as const) {
  const good = certificates.of(kind).certificateDer

  test(`no certificate that differs in one octet is let through: ${kind}`, async () => {
    for (let at = 0; at < good.length; at++) {
      for (const mask of [0x01, 0x20, 0x80]) {
        const changed = Uint8Array.from(good)
        changed[at] = (changed[at] ?? 0) ^ mask
        assert.equal(await isGranted(changed), false, `octet ${at} with ${mask}`)
      }
    }
  })

  test(`no certificate of which a part is missing, doubled or put elsewhere is let through: ${kind}`, async () => {
    const place = fc.nat({ max: good.length })
    await fc.assert(
      fc.asyncProperty(place, place, place, fc.uint8Array({ maxLength: 4 }), async (one, other, to, put) => {
        const [from, end] = one < other ? [one, other] : [other, one]
        const part = good.subarray(from, end)
        for (const changed of [
          Buffer.concat([good.subarray(0, from), put, good.subarray(end)]),
          Buffer.concat([good.subarray(0, to), part, good.subarray(to)]),
          Buffer.concat([good, put]),
          Buffer.from(part),
        ]) {
          assert.equal(await isGranted(changed), Buffer.from(good).equals(changed))
        }
      }),
      parameters,
    )
  })
}

test('no octets whatever are a certificate', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 200 }),
      fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 3 }),
      async (leaf, intermediates) => {
        assert.equal(await isGranted(leaf, intermediates), false)
      },
    ),
    parameters,
  )
})

test('no intermediate that differs anywhere makes a path, and none keeps a good leaf out', async () => {
  const leaf = certificates.of('orders-below-intermediate').certificateDer
  const fresh = createGuard({
    mtls: { trust: [{ trustDomain: TRUST_DOMAIN, pem: certificates.root.certificatePem }] },
    jwt: null,
    authorize: 'any-authenticated',
    limit: null,
    audit: recorder,
    runtime: { clock },
  })
  const decide = async (intermediates: readonly Uint8Array[], of: Uint8Array) =>
    (await checkedDecision(fresh, recorder, fakeInbound({ presented: { kind: 'certificate', leaf: of, intermediates } }))).allowed
  await fc.assert(
    fc.asyncProperty(fc.nat({ max: intermediate.length - 1 }), fc.integer({ min: 1, max: 255 }), async (at, mask) => {
      const changed = Uint8Array.from(intermediate)
      changed[at] = (changed[at] ?? 0) ^ mask
      assert.equal(await decide([changed], leaf), false)
      assert.equal(await decide([changed], certificates.of('orders').certificateDer), true)
    }),
    { ...parameters, numRuns: Math.min(RUNS, 1000) },
  )
  await fresh.close()
})
