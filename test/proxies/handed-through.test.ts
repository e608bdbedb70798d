import assert from 'node:assert/strict'
import { test } from 'node:test'
import { send } from './client.js'
import { forgeriesFor } from './forgeries.js'
import { startGuardedService } from './guarded-service.js'
import { haproxy } from './haproxy.js'
import { createSite } from './site.js'
import { createStage } from './stage.js'
import { seenIn } from './what-is-decided.js'

const site = createSite()
const { client, other } = site
const tls = { servername: 'localhost' }
const stage = createStage({ ...haproxy, beginning: 'frontend shop-tls' }, site, () =>
  startGuardedService(site, {}, { proxyProtocol: { from: { dangerouslyAddress: '127.0.0.1' } } }),
)

test('HAProxy that hands TLS through: the certificate comes by the handshake, the address by the PROXY protocol, and no field counts', async () => {
  const forged = [...forgeriesFor(haproxy, other.certificateDer)['the same name'], 'X-Forwarded-For: 203.0.113.9']
  const { id, provenance, clientAddress, fields } = seenIn((await send(site, await stage.portOf(), { as: client, tls }, forged)).text)
  assert.deepEqual({ id, provenance, clientAddress }, { id: client.id, provenance: 'connection', clientAddress: '127.0.0.1' })
  assert.deepEqual(
    fields.filter((name) => name.startsWith('x-ssl-client')),
    [],
  )
  assert.equal((await send(site, await stage.portOf(), { tls }, forged)).code, 'ERR_PEER_MISSING')
})

test('the same service takes no connection of that address without the header', async () => {
  const { port } = await stage.service()
  await assert.rejects(send(site, port, { as: client, tls }), { code: 'ECONNRESET' })
})
