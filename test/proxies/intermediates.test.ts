import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pemBlocks } from '@countersign/x509'
import { send, sendOnce } from './client.js'
import { startGuardedService } from './guarded-service.js'
import { optionsOfGuide } from './guide-options.js'
import { PROXY_KINDS } from './kinds.js'
import { createSite } from './site.js'
import { createStage } from './stage.js'
import { seenIn } from './what-is-decided.js'

const site = createSite()
const below = site.mesh.workload('/checkout', { intermediate: true })
const intermediate = below.chainPem.slice(below.certificatePem.length)

for (const kind of PROXY_KINDS) {
  const forwarded = optionsOfGuide(kind.format)
  const without = createStage(kind, site, () => startGuardedService(site, { forwarded }))
  const withIntermediates = createStage(kind, site, () =>
    startGuardedService(site, { forwarded, mtls: { trust: site.mesh.trust, intermediates: { pem: intermediate } } }),
  )

  test(`behind ${kind.name}, which hands on the leaf alone, a client below an intermediate needs mtls.intermediates`, async () => {
    assert.equal(pemBlocks(intermediate, 'CERTIFICATE')?.length, 1)
    assert.equal((await send(site, await without.portOf(), { as: below })).code, 'ERR_PEER_UNTRUSTED')
    const port = await withIntermediates.portOf()
    const { answer, session } = await sendOnce(site, port, { as: below })
    assert.equal(seenIn(answer.text).id, below.id)
    assert.ok(session !== null)
    assert.equal(seenIn((await send(site, port, { session })).text).id, below.id, 'on a resumed session too')
  })
}
