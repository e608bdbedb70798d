import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { SecurityEvent } from '@countersign/core'
import type { GuardOptions } from '@countersign/node'
import { createTestMesh, createTestRecorder, type Workload } from '@countersign/testing'
import { type Answer, type Lines, send } from '../proxies/client.js'
import { type Forgery, forgeriesFor } from '../proxies/forgeries.js'
import { type GuardedService, type Seen, startGuardedService } from '../proxies/guarded-service.js'
import { type Forwarded, optionsOfGuide } from '../proxies/guide-options.js'
import { nginx } from '../proxies/nginx.js'
import { createSite } from '../proxies/site.js'

const site = createSite()
const { client, other, ingress, mesh } = site
const forged: Lines = forgeriesFor(nginx, other.certificateDer)['the same name']
const genuine: Lines = forgeriesFor(nginx, client.certificateDer)['the same name']
const running: GuardedService[] = []
after(async () => {
  for (const service of running) await service.close()
})

async function start(changes: Partial<Forwarded> = {}, options: Partial<GuardOptions> = {}): Promise<GuardedService> {
  const service = await startGuardedService(site, { forwarded: { ...optionsOfGuide('nginx'), ...changes } as Forwarded, ...options })
  running.push(service)
  return service
}

/** Straight to the service, with nothing in front of it. */
const call = ({ port }: GuardedService, as: Workload | null, lines: Lines): Promise<Answer> =>
  send(site, port, { as, tls: { servername: 'localhost' } }, lines)

const seen = ({ status, text }: Answer): Seen => {
  assert.equal(status, 200, text)
  return JSON.parse(text) as Seen
}
/** Callers that the log takes for the proxy under another name. */
const misspelt = ({ recorder }: GuardedService): unknown[] =>
  recorder.of('guard.misused').flatMap(({ facts: { peer } }) => (peer === undefined ? [] : [peer]))
const namesIn = (lines: Lines): string[] => lines.map((line) => line.slice(0, line.indexOf(':')).toLowerCase())

test('takes what the proxy hands on, from the proxy', async () => {
  const { id, provenance } = seen(await call(await start(), ingress, genuine))
  assert.deepEqual({ id, provenance }, { id: client.id, provenance: 'proxy-verified' })
})

test('whoever comes past the proxy is who its certificate says: its fields are ignored, removed and written down', async () => {
  const service = await start()
  const { id, provenance, fields } = seen(await call(service, client, forged))
  assert.deepEqual({ id, provenance }, { id: client.id, provenance: 'connection' })
  assert.deepEqual(
    fields.filter((name) => namesIn(forged).includes(name)),
    [],
  )
  const [event, ...more] = service.recorder.of('forwarded.ignored')
  assert.deepEqual(event?.facts['fields'], namesIn(forged))
  assert.deepEqual([event?.facts['reason'], event?.facts['peer']], ['not-from-proxy', client.id])
  assert.equal(more.length, 0)
})

test('fields of every format and spelling are removed from requests that come past the proxy', async () => {
  const service = await start()
  const forgeries: readonly Forgery[] = [
    'with underscores',
    'in two spellings',
    'on two lines',
    'as its own issuer',
    'in the formats of other proxies',
  ]
  for (const forgery of forgeries) {
    service.recorder.clear()
    const lines = forgeriesFor(nginx, other.certificateDer)[forgery]
    const { id, fields } = seen(await call(service, client, lines))
    assert.equal(id, client.id)
    assert.deepEqual(
      fields.filter((name) => namesIn(lines).includes(name)),
      [],
      forgery,
    )
    assert.equal(service.recorder.of('forwarded.ignored').length, 1, forgery)
  }
})

test('fields are worth nothing without a certificate of the connection', async () => {
  const service = await start()
  assert.equal((await call(service, null, genuine)).code, 'ERR_PEER_MISSING')
  assert.equal(service.recorder.of('forwarded.ignored').length, 1)
})

test('a service of another name is no proxy, however close its name comes', async () => {
  const service = await start()
  for (const path of ['/ingress2', '/ingress/a', '/Ingress', '/ns/ingress']) {
    const answer = await call(service, mesh.workload(path), genuine)
    // It may not call either: what it is refused for is its own name.
    assert.deepEqual([answer.status, answer.code], [403, 'ERR_FORBIDDEN'], path)
    assert.equal(service.recorder.of('request.denied').at(-1)?.facts['peer'], `spiffe://prod.example${path}`)
  }
  // Said once, and of whom, to whoever has misspelt the name.
  assert.deepEqual(misspelt(service), ['spiffe://prod.example/ingress2'])
})

test('what the proxy says in fields of another format is ignored, and written down as that', async () => {
  const service = await start()
  const lines = ['X-Forwarded-Client-Cert: Hash=00', 'Client-Cert: :AA==:']
  assert.equal(seen(await call(service, ingress, [...genuine, ...lines])).id, client.id)
  const [event, ...more] = service.recorder.of('forwarded.ignored')
  assert.deepEqual([event?.facts['reason'], event?.facts['fields']], ['not-this-format', namesIn(lines)])
  assert.equal(more.length, 0)
  assert.deepEqual(misspelt(service), [])
})

test('a request for another host is refused with the line that mends it, and nothing is said of whom it came from', async () => {
  const service = await start({}, { authority: 'as-server-name' })
  assert.equal((await call(service, ingress, genuine)).code, 'ERR_MISDIRECTED')
  assert.match(String(service.recorder.of('request.denied')[0]?.facts['fix']), /authority: 'any'/)
  assert.equal(service.recorder.of('forwarded.ignored').length, 0)
})

test('the name of the proxy from an authority that nobody trusts, or after it ran out, is no proxy', async () => {
  const service = await start()
  assert.equal((await call(service, createTestMesh('prod.example').workload('/ingress'), genuine)).code, 'ERR_PEER_UNTRUSTED')
  const expired = mesh.workload('/ingress', { validFrom: new Date(mesh.clock.nowMs() - 7_200_000), validSeconds: 3600 })
  assert.equal((await call(service, expired, genuine)).code, 'ERR_PEER_EXPIRED')
})

test('the proxy is never taken for the client: without a field there is no caller, though the proxy itself might call', async () => {
  assert.equal((await call(await start(), ingress, [])).code, 'ERR_PEER_MISSING')
})

test('a broken field from the proxy is final', async () => {
  const service = await start()
  for (const value of ['-----BEGIN%20CERTIFICATE-----', 'x', '%', '(null)x'])
    assert.equal(
      (await call(service, ingress, [`X-SSL-Client-Cert: ${value}`, 'X-SSL-Client-Verify: SUCCESS'])).code,
      'ERR_FORWARDED_MALFORMED',
      value,
    )
})

test('an address that a client names itself is not believed of anybody but the proxy', async () => {
  const service = await start()
  const lines = ['X-Forwarded-For: 203.0.113.9']
  assert.equal(seen(await call(service, client, lines)).clientAddress, '127.0.0.1')
  assert.equal(seen(await call(service, ingress, [...genuine, ...lines])).clientAddress, '203.0.113.9')
})

test('a token that is bound to a certificate is held against that of the client, never that of the proxy', async () => {
  const service = await start({}, { jwt: mesh.jwt({ audience: 'orders' }) })
  const tokenOf = (boundTo: Workload): string => `Authorization: Bearer ${mesh.token({ audience: 'orders', boundTo, subject: client.id })}`
  assert.equal(seen(await call(service, ingress, [...genuine, tokenOf(client)])).id, client.id)
  assert.equal((await call(service, ingress, [...genuine, tokenOf(ingress)])).code, 'ERR_TOKEN_BINDING')
  assert.equal((await call(service, ingress, [...genuine, tokenOf(other)])).code, 'ERR_TOKEN_BINDING')
})

test('where an address is all that is asked for, everybody who has it is believed', async () => {
  const service = await start({ from: { dangerouslyAddress: '127.0.0.0/8' } })
  assert.equal(seen(await call(service, null, forged)).id, other.id, 'this is what the option is named for')
  const elsewhere = await start({ from: { dangerouslyAddress: '10.0.0.0/8' } })
  assert.equal((await call(elsewhere, null, forged)).code, 'ERR_PEER_MISSING')
})

test('ignored fields are written down once, also where the request is refused since it cannot be', async () => {
  const recorder = createTestRecorder()
  const audit = { ...recorder, record: (event: SecurityEvent) => recorder.record(event) && event.kind !== 'request.allowed' }
  const service = await start({}, { audit })
  assert.equal((await call(service, client, forged)).code, 'ERR_UNAVAILABLE')
  assert.equal(recorder.of('request.denied')[0]?.code, 'ERR_AUDIT_UNAVAILABLE')
  assert.equal(recorder.of('forwarded.ignored').length, 1)
})
