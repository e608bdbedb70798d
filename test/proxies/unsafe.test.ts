import assert from 'node:assert/strict'
import { test } from 'node:test'
import { apache } from './apache.js'
import { caddy } from './caddy.js'
import { send } from './client.js'
import { forgeriesFor } from './forgeries.js'
import { startGuardedService } from './guarded-service.js'
import { optionsOfGuide } from './guide-options.js'
import { haproxy } from './haproxy.js'
import { nginx } from './nginx.js'
import type { ProxyKind } from './proxy.js'
import { createSite } from './site.js'
import { createStage } from './stage.js'
import { type Outcome, outcomeFor, seenIn } from './what-is-decided.js'

const site = createSite()
const { client, other } = site

function stageOf(kind: ProxyKind) {
  return createStage(kind, site, () => startGuardedService(site, { forwarded: optionsOfGuide(kind.format) }))
}

/** A client with a good certificate and one without, both with another's in the fields of the proxy. */
async function forgingOutcomes(kind: ProxyKind, port: number): Promise<Outcome[]> {
  const lines = forgeriesFor(kind, other.certificateDer)['the same name']
  const provenance = kind === caddy ? 'proxy-passed-through' : 'proxy-verified'
  return [
    await outcomeFor(send(site, port, { as: client }, lines), client.id, provenance),
    await outcomeFor(send(site, port, {}, lines), client.id, provenance),
  ]
}

test('HAProxy that adds its field to that of the client: the second line is seen', async () => {
  const port = await stageOf(haproxy).portOf({
    'http-request del-header X-SSL-Client-Cert': '',
    'http-request set-header X-SSL-Client-Cert': 'http-request add-header X-SSL-Client-Cert',
  })
  // Without a certificate there is one line alone, the client's: what the proxy says beside it gives it away.
  assert.deepEqual(await forgingOutcomes(haproxy, port), ['ERR_FORWARDED_AMBIGUOUS', 'ERR_FORWARDED_UNVERIFIED'])
})

test('HAProxy that takes no field off where it sets none: the verdict beside it gives it away', async () => {
  const port = await stageOf(haproxy).portOf({ 'http-request del-header X-SSL-Client-Cert': '' })
  assert.deepEqual(await forgingOutcomes(haproxy, port), ['own', 'ERR_FORWARDED_UNVERIFIED'])
})

test('Apache that adds its fields to those of the client: the second line is seen', async () => {
  const port = await stageOf(apache).portOf({
    'RequestHeader set X-SSL-Client-Cert': 'RequestHeader add X-SSL-Client-Cert',
    'RequestHeader set X-SSL-Client-Verify': 'RequestHeader add X-SSL-Client-Verify',
  })
  assert.deepEqual(await forgingOutcomes(apache, port), ['ERR_FORWARDED_AMBIGUOUS', 'ERR_FORWARDED_AMBIGUOUS'])
})

test('Caddy that adds its field to that of the client: the second line is seen', async () => {
  const port = await stageOf(caddy).portOf({ 'header_up X-Client-Cert': 'header_up +X-Client-Cert' })
  assert.deepEqual(await forgingOutcomes(caddy, port), ['ERR_FORWARDED_AMBIGUOUS', 'ERR_FORWARDED_AMBIGUOUS'])
})

test('Caddy without the map sends its own placeholder for no certificate: nobody is let in', async () => {
  const port = await stageOf(caddy).portOf({
    'header_up X-Client-Cert {client_cert}': 'header_up X-Client-Cert {http.request.tls.client.certificate_der_base64}',
  })
  assert.deepEqual(await forgingOutcomes(caddy, port), ['own', 'ERR_FORWARDED_MALFORMED'])
})

test('nginx that writes the verdict and not the certificate: a client with a good one can be anybody, and only one without is seen', async () => {
  const port = await stageOf(nginx).portOf({ 'proxy_set_header X-SSL-Client-Cert   $ssl_client_escaped_cert;': '' })
  const lines = forgeriesFor(nginx, other.certificateDer)['the same name']
  assert.equal(seenIn((await send(site, port, { as: client }, lines)).text).id, other.id, 'the field is what the proxy says')
  assert.equal((await send(site, port, {}, lines)).code, 'ERR_FORWARDED_UNVERIFIED')
})

test('nginx that writes neither: everybody can be anybody, and nothing here can tell', async () => {
  const port = await stageOf(nginx).portOf({
    'proxy_set_header X-SSL-Client-Cert   $ssl_client_escaped_cert;': '',
    'proxy_set_header X-SSL-Client-Verify $ssl_client_verify;': '',
  })
  const lines = forgeriesFor(nginx, other.certificateDer)['the same name']
  assert.equal(seenIn((await send(site, port, {}, lines)).text).id, other.id)
})
