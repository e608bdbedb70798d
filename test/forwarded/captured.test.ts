import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { request } from 'node:https'
import { after, test } from 'node:test'
import { createTestClock, createTestMesh } from '@countersign/testing'
import { type GuardedService, type Seen, startGuardedService } from '../proxies/guarded-service.js'
import { optionsOfGuide } from '../proxies/guide-options.js'
import { PROXY_KINDS } from '../proxies/kinds.js'
import type { Evidence } from '../proxies/proxy.js'
import { createSite, type Site } from '../proxies/site.js'
import { type Captured, type CapturedProxy, type HeaderList, readCaptured } from './captured.js'

const captured: Captured = readCaptured()
// The service and its proxy live in the minute of the capture, so that the same certificates are good and expired as were then.
const clock = createTestClock(captured.capturedAtMs)
const site: Site = createSite({ mesh: createTestMesh('prod.example', { clock }) })

const derOf = (pem: string): Uint8Array => new X509Certificate(pem).raw
const running: GuardedService[] = []
after(async () => {
  for (const service of running) await service.close()
})

/** What the proxy had in front of it for each list. */
const SHOWN: Readonly<Record<keyof CapturedProxy['headers'], Evidence>> = {
  client: { certificateDer: derOf(captured.certificates.client), fault: null },
  none: null,
  resumed: { certificateDer: derOf(captured.certificates.client), fault: null },
  expired: { certificateDer: derOf(captured.certificates.expired), fault: 'expired' },
  stranger: { certificateDer: derOf(captured.certificates.stranger), fault: 'unknown-authority' },
}

async function start(format: string): Promise<GuardedService> {
  const forwarded = { ...optionsOfGuide(format), trust: { trustDomain: 'prod.example', pem: captured.certificates.authority } }
  const service = await startGuardedService(site, { forwarded })
  running.push(service)
  return service
}

/** Sends a list of headers as it came, on a connection of the proxy's. */
async function replay(port: number, headers: readonly string[]): Promise<string> {
  const { ingress } = site
  const req = request({
    host: '127.0.0.1',
    servername: 'localhost',
    port,
    path: '/who',
    headers: [...headers],
    cert: ingress.chainPem,
    key: ingress.keyPem,
    agent: false,
    // The certificate of the service is of the time of the capture too.
    rejectUnauthorized: false,
  })
  req.end()
  const [response] = await once(req, 'response')
  const chunks: Uint8Array[] = []
  for await (const chunk of response) chunks.push(chunk)
  const text = Buffer.concat(chunks).toString()
  const { code, id, provenance } = JSON.parse(text) as Partial<Seen & { code: string }>
  return code ?? `${id} ${provenance}`
}

test('fixtures hold no private key', () => {
  assert.doesNotMatch(JSON.stringify(captured), /PRIVATE KEY/)
})

for (const proxy of captured.proxies) {
  const kind = PROXY_KINDS.find(({ name }) => name === proxy.name)
  assert.ok(kind !== undefined)
  const caller = `spiffe://prod.example/checkout ${kind.format === 'caddy' ? 'proxy-passed-through' : 'proxy-verified'}`

  test(`what ${proxy.name} ${proxy.version} sent has the form that the live tests ask for`, () => {
    for (const [name, headers] of Object.entries(proxy.headers) as [keyof typeof SHOWN, HeaderList][]) {
      if (headers === null) continue
      const expected = kind.fields(SHOWN[name])
      const fields = Object.fromEntries(Object.keys(expected).map((field) => [field, headers[headers.indexOf(field) + 1]]))
      assert.deepEqual(fields, expected, name)
    }
  })

  test(`what ${proxy.name} ${proxy.version} sent is read and judged as it was meant`, async () => {
    const { port } = await start(kind.format)
    const outcomes: Record<string, string | null> = {}
    for (const [name, headers] of Object.entries(proxy.headers)) outcomes[name] = headers === null ? null : await replay(port, headers)
    const refusals = {
      nginx: { expired: null, stranger: 'ERR_FORWARDED_UNVERIFIED' },
      apache2: { expired: null, stranger: 'ERR_FORWARDED_UNVERIFIED' },
      haproxy: { expired: 'ERR_FORWARDED_UNVERIFIED', stranger: 'ERR_FORWARDED_UNVERIFIED' },
      caddy: { expired: 'ERR_PEER_EXPIRED', stranger: 'ERR_PEER_UNTRUSTED' },
    }[proxy.name]
    assert.deepEqual(outcomes, { client: caller, none: 'ERR_PEER_MISSING', resumed: caller, ...refusals })
  })
}

test('every proxy that the guide has a configuration for was captured', () => {
  assert.deepEqual(captured.proxies.map(({ name }) => name).sort(), PROXY_KINDS.map(({ name }) => name).sort())
})
