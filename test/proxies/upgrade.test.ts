import assert from 'node:assert/strict'
import { test } from 'node:test'
import { caddy } from './caddy.js'
import { send } from './client.js'
import { forgeriesFor } from './forgeries.js'
import { startGuardedService } from './guarded-service.js'
import { optionsOfGuide } from './guide-options.js'
import { haproxy } from './haproxy.js'
import { createSite } from './site.js'
import { createStage } from './stage.js'

const site = createSite()
const { client, other } = site

// nginx and Apache hand no upgrade on unless they are told to.
for (const kind of [haproxy, caddy]) {
  const stage = createStage(kind, site, () => startGuardedService(site, { forwarded: optionsOfGuide(kind.format) }))

  test(`behind ${kind.name} an upgrade is made for the client, and for nobody that it only names`, async () => {
    const port = await stage.portOf()
    const forged = forgeriesFor(kind, other.certificateDer)['the same name']
    const upgrade = ['Connection: Upgrade', 'Upgrade: test']
    for (const lines of [upgrade, [...upgrade, ...forged]]) {
      const { status, text } = await send(site, port, { as: client }, lines)
      assert.equal(status, 101)
      assert.equal(text.split(' ')[0], client.id)
      const refused = await send(site, port, {}, lines)
      assert.deepEqual([refused.status, refused.code], [403, 'ERR_PEER_MISSING'])
    }
  })
}
