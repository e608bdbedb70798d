import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { MisuseError } from '@countersign/core'
import { createPeerVerifier, type MtlsOptions, type TrustAnchors } from '@countersign/x509'
import { bundleOf, createLiveStage, type Endpoint, fetchTrusting, type LiveStage, startEndpoint, webCertificate } from './bundles.js'
import { commonName, san } from './der.js'
import { CLIENT_AUTH, DAY_MS, type Forged, forge, forgeCa, NOW_MS, pem } from './forge.js'
import { connectionWith, createStage, folder, open, recalled, stayAlive, verdict } from './stage.js'

const DOMAIN = 'prod.example'
const ID = 'spiffe://prod.example/orders'
const SERVER_ID = 'spiffe://prod.example/bundles'
const web = forgeCa({ subject: commonName('web'), validFromMs: Date.now() - DAY_MS, validToMs: Date.now() + DAY_MS })
const webServer = webCertificate(web)
const root = forgeCa()
const next = forgeCa({ subject: commonName('next') })
const orders = forge({ issuer: root, sans: [san.uri(ID)] })
const renewed = forge({ issuer: next, sans: [san.uri(ID)] })

/** After an event the next attempt is put on the clock within a few turns. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const stageWithWeb = (): LiveStage => createLiveStage(fetchTrusting(web))
const startWeb = (t: TestContext, body = bundleOf([root])): Promise<Endpoint> => startEndpoint(t, webServer, [], body)
const webTrust = (url: string, over: object = {}): TrustAnchors => ({ trustDomain: DOMAIN, url, profile: 'https_web', ...over })
const reasonOf = ({ facts }: { readonly facts: Readonly<Record<string, unknown>> }): string => String(facts['reason'])

test('vouches for nobody before the first bundle, and then for its trust domain alone', async (t) => {
  const endpoint = await startWeb(t)
  const verifier = open(t, { trust: webTrust(endpoint.url) }, stageWithWeb())
  const connection = connectionWith(orders)
  assert.equal(await verdict(verifier, connection), 'ERR_PEER_UNTRUSTED')
  await verifier.ready()
  assert.equal(await verdict(verifier, connection), ID)
  const elsewhere = forge({ issuer: root, sans: [san.uri('spiffe://else.example/orders')] })
  assert.equal(await verdict(verifier, connectionWith(elsewhere)), 'ERR_PEER_UNTRUSTED')
  const named = forge({ issuer: root, sans: [san.dns('orders.prod.example')] })
  assert.equal(await verdict(verifier, connectionWith(named)), 'ERR_PEER_UNTRUSTED')
  assert.equal(`${verifier}`, `trust ${DOMAIN} (1 anchor), revocation not checked`)
})

test('judges open connections by a new bundle of the endpoint on their next request', async (t) => {
  const endpoint = await startWeb(t)
  const stage = stageWithWeb()
  const verifier = open(t, { trust: webTrust(endpoint.url) }, stage)
  await verifier.ready()
  const [old, young] = [connectionWith(orders), connectionWith(renewed)]
  assert.equal(await verdict(verifier, old), ID)
  assert.equal(await verdict(verifier, young), 'ERR_PEER_UNTRUSTED')
  endpoint.body = bundleOf([next])
  verifier.reload()
  await stage.next('trust.reloaded')
  const { facts } = await stage.next('trust.reloaded')
  assert.deepEqual(facts, { option: 'mtls.trust', count: 1 })
  assert.equal(recalled(verifier, old), undefined)
  assert.equal(await verdict(verifier, old), 'ERR_PEER_UNTRUSTED')
  assert.equal(await verdict(verifier, young), ID)
})

test('holds every SVID of a trust domain for invalid when its bundle has become empty, and says so', async (t) => {
  const endpoint = await startWeb(t)
  const stage = stageWithWeb()
  const verifier = open(t, { trust: webTrust(endpoint.url) }, stage)
  await verifier.ready()
  const connection = connectionWith(orders)
  assert.equal(await verdict(verifier, connection), ID)
  endpoint.body = bundleOf([])
  verifier.reload()
  await stage.next('trust.reloaded')
  const { severity, facts } = await stage.next('trust.reloaded')
  assert.deepEqual([severity, facts['count']], ['warn', 0])
  assert.equal(await verdict(verifier, connection), 'ERR_PEER_UNTRUSTED')
})

test('refuses a bundle that is older by its sequence number, and keeps the one in use', async (t) => {
  const endpoint = await startWeb(t, bundleOf([root], { spiffe_sequence: 5 }))
  const stage = stageWithWeb()
  const verifier = open(t, { trust: webTrust(endpoint.url) }, stage)
  await verifier.ready()
  endpoint.body = bundleOf([next], { spiffe_sequence: 4 })
  verifier.reload()
  assert.match(reasonOf(await stage.next('trust.reload-failed')), /older than the one in use/)
  assert.equal(await verdict(verifier, connectionWith(orders)), ID)
  endpoint.body = bundleOf([next], { spiffe_sequence: 6 })
  verifier.reload()
  await stage.next('trust.reloaded')
  await stage.next('trust.reloaded')
  assert.equal(await verdict(verifier, connectionWith(renewed)), ID)
})

const failures: readonly (readonly [claim: string, change: (endpoint: Endpoint) => unknown, reason: RegExp])[] = [
  ['answers 503', (endpoint) => (endpoint.status = 503), /status 200/],
  ['answers with too much', (endpoint) => (endpoint.body = `{"keys":[],"x":"${'x'.repeat(1024 * 1024)}"}`), /too large/],
  ['answers with no bundle', (endpoint) => (endpoint.body = '<html>'), /strict JSON/],
  ['answers with a member twice', (endpoint) => (endpoint.body = '{"keys":[],"keys":[]}'), /strict JSON/],
  ['redirects to http', (endpoint) => redirect(endpoint, 'http://127.0.0.1/bundle'), /no https URL/],
  ['redirects to a URL with a user', (endpoint) => redirect(endpoint, 'https://a:b@127.0.0.1/bundle'), /no https URL/],
  ['redirects to nowhere', (endpoint) => redirect(endpoint, ''), /redirects too often/],
  ['redirects in a circle', (endpoint) => redirect(endpoint, endpoint.url), /redirects too often/],
  ['is gone', (endpoint) => endpoint.close(), /cannot be reached/],
]

function redirect(endpoint: Endpoint, location: string): void {
  endpoint.status = 302
  endpoint.headers = { location }
}

for (const [claim, change, reason] of failures) {
  test(`keeps the bundle in use while the endpoint ${claim}`, async (t) => {
    stayAlive(t)
    const endpoint = await startWeb(t)
    const stage = stageWithWeb()
    const verifier = open(t, { trust: webTrust(endpoint.url) }, stage)
    await verifier.ready()
    await change(endpoint)
    verifier.reload()
    const event = await stage.next('trust.reload-failed')
    assert.match(reasonOf(event), reason)
    assert.equal(event.code, 'ERR_TRUST_UNREADABLE')
    assert.equal(await verdict(verifier, connectionWith(orders)), ID)
  })
}

test('is not ready while the endpoint gives no bundle, and names it', async (t) => {
  const endpoint = await startWeb(t, '{}')
  const verifier = open(t, { trust: webTrust(endpoint.url) }, stageWithWeb())
  await assert.rejects(verifier.ready(), {
    name: 'MisuseError',
    code: 'ERR_TRUST_UNREADABLE',
    option: 'mtls.trust',
    message: /\/bundle.*no list of keys/,
  })
  endpoint.body = bundleOf([root])
  await verifier.ready()
  assert.equal(await verdict(verifier, connectionWith(orders)), ID)
})

test('gives up an endpoint that does not answer in time, although fetch does not heed the signal', async (t) => {
  stayAlive(t)
  const verifier = open(
    t,
    { trust: webTrust('https://bundles.test/', { timeoutMs: 1 }) },
    createLiveStage(() => new Promise(() => {})),
  )
  await assert.rejects(verifier.ready(), /did not answer in time/)
})

test('does not believe an endpoint that the Web PKI does not vouch for', async (t) => {
  const endpoint = await startWeb(t)
  const verifier = open(t, { trust: webTrust(endpoint.url) }, createLiveStage(globalThis.fetch))
  await assert.rejects(verifier.ready(), /shows a certificate that is not trusted/)
  assert.deepEqual(endpoint.paths, [])
})

test('fetches with the fetch of Node, through a redirect, where the Web PKI vouches for both ends', async (t) => {
  const [front, behind] = [await startWeb(t), await startWeb(t)]
  redirect(front, behind.url)
  const script = `
    import { createPeerVerifier } from '@countersign/x509'
    const instrument = { add() {}, record() {} }
    const meter = { createCounter: () => instrument, createHistogram: () => instrument, createGauge: () => instrument }
    const recorder = { wants: () => false, record: () => true, close: async () => {} }
    const trust = { trustDomain: 'prod.example', url: process.argv[1], profile: 'https_web' }
    const verifier = createPeerVerifier({ trust }, { clock: { nowMs: () => Date.now() }, fetch, recorder, meter })
    await verifier.ready()
    process.stdout.write(String(verifier))
    await verifier.close()
  `
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script, front.url], {
    cwd: import.meta.dirname,
    env: { ...process.env, NODE_EXTRA_CA_CERTS: folder(t).write('web.pem', pem(web.der)) },
    timeout: 60_000,
  })
  assert.equal(stdout, `trust ${DOMAIN} (1 anchor), revocation not checked`)
  assert.deepEqual([front.paths.length, behind.paths.length], [1, 1])
})

test('follows a redirect once, and starts from the configured URL the next time', async (t) => {
  const [front, behind] = [await startWeb(t), await startWeb(t)]
  front.status = 301
  front.headers = { location: behind.url }
  const stage = stageWithWeb()
  const verifier = open(t, { trust: webTrust(front.url) }, stage)
  await verifier.ready()
  assert.equal(await verdict(verifier, connectionWith(orders)), ID)
  behind.body = bundleOf([next])
  verifier.reload()
  await stage.next('trust.reloaded')
  await stage.next('trust.reloaded')
  assert.deepEqual([front.paths.length, behind.paths.length], [2, 2])
  const strict = open(t, { trust: webTrust(front.url, { followRedirects: false }) }, stageWithWeb())
  await assert.rejects(strict.ready(), /options do not allow/)
})

test('asks again as often as the bundle says, and no more once it is closed', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const endpoint = await startWeb(t, bundleOf([root], { spiffe_refresh_hint: 60 }))
  const stage = stageWithWeb()
  const verifier = open(t, { trust: webTrust(endpoint.url) }, stage)
  await verifier.ready()
  await stage.next('trust.reloaded')
  endpoint.body = bundleOf([next])
  t.mock.timers.tick(53_000)
  assert.equal(endpoint.paths.length, 1)
  t.mock.timers.tick(7_000)
  await stage.next('trust.reloaded')
  assert.equal(endpoint.paths.length, 2)
  // Without a hint: five minutes.
  endpoint.body = bundleOf([root])
  t.mock.timers.tick(260_000)
  assert.equal(endpoint.paths.length, 2)
  t.mock.timers.tick(40_000)
  await stage.next('trust.reloaded')
  await verifier.close()
  t.mock.timers.tick(DAY_MS)
  assert.equal(endpoint.connections.count, 3)
})

test('asks again after a second while it has no bundle, and waits twice as long each time', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const endpoint = await startWeb(t, '{}')
  const stage = stageWithWeb()
  open(t, { trust: webTrust(endpoint.url) }, stage)
  for (const [attempts, waitMs] of [
    [1, 1000],
    [2, 2000],
    [3, 4000],
  ] as const) {
    await stage.next('trust.reload-failed')
    await settled()
    t.mock.timers.tick(0.89 * waitMs)
    assert.equal(endpoint.paths.length, attempts)
    if (attempts === 3) endpoint.body = bundleOf([root])
    t.mock.timers.tick(0.11 * waitMs)
  }
  await stage.next('trust.reloaded')
  assert.equal(endpoint.paths.length, 4)
})

test('does not wait a whole day after a failure, nor press an endpoint that fails', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const endpoint = await startWeb(t, bundleOf([root], { spiffe_refresh_hint: 86_400 * 28 }))
  const stage = stageWithWeb()
  const verifier = open(t, { trust: webTrust(endpoint.url) }, stage)
  await verifier.ready()
  await settled()
  endpoint.status = 503
  t.mock.timers.tick(0.89 * DAY_MS)
  assert.equal(endpoint.connections.count, 1)
  t.mock.timers.tick(0.11 * DAY_MS)
  await stage.next('trust.reload-failed')
  await settled()
  t.mock.timers.tick(260_000)
  assert.equal(endpoint.paths.length, 2)
  t.mock.timers.tick(40_000)
  await stage.next('trust.reload-failed')
  assert.equal(endpoint.paths.length, 3)
})

test('goes on with the last bundle for as long as the options say, then vouches for nobody until there is one again', async (t) => {
  const endpoint = await startWeb(t)
  const stage = stageWithWeb()
  const verifier = open(
    t,
    { trust: webTrust(endpoint.url, { refreshSeconds: 60, timeoutMs: 1000, whenUnavailable: { staleSeconds: 600 } }) },
    stage,
  )
  await verifier.ready()
  await stage.next('trust.reloaded')
  const connection = connectionWith(orders)
  stage.nowMs += (60 + 1 + 600) * 1000 - 1
  assert.equal(await verdict(verifier, connection), ID)
  stage.nowMs += 1
  assert.equal(recalled(verifier, connection), undefined)
  assert.equal(await verdict(verifier, connection), 'ERR_PEER_UNTRUSTED')
  assert.match(reasonOf(await stage.next('trust.reload-failed')), /not used any more/)
  verifier.reload()
  await stage.next('trust.reloaded')
  assert.equal(await verdict(verifier, connection), ID)
  // A clock that was set back makes a bundle old.
  stage.nowMs -= DAY_MS / 2
  assert.equal(await verdict(verifier, connection), 'ERR_PEER_UNTRUSTED')
})

test('goes on for no time at all where the options say refuse, and for a day where they say nothing', async (t) => {
  const endpoint = await startWeb(t)
  for (const [whenUnavailable, seconds] of [
    ['refuse', 305],
    [undefined, 305 + 86_400],
  ] as const) {
    const stage = stageWithWeb()
    const lasting = forge({ issuer: forgeCa({ validToMs: NOW_MS + 9 * DAY_MS }), validToMs: NOW_MS + 9 * DAY_MS, sans: [san.uri(ID)] })
    const authority = forgeCa({ validToMs: NOW_MS + 9 * DAY_MS })
    endpoint.body = bundleOf([authority])
    const leaf = forge({ issuer: authority, validToMs: NOW_MS + 9 * DAY_MS, sans: [san.uri(ID)] })
    const verifier = open(t, { trust: webTrust(endpoint.url, whenUnavailable === undefined ? {} : { whenUnavailable }) }, stage)
    await verifier.ready()
    stage.nowMs += seconds * 1000 - 1
    assert.equal(await verdict(verifier, connectionWith(leaf)), ID)
    assert.equal(await verdict(verifier, connectionWith(lasting)), 'ERR_PEER_UNTRUSTED')
    stage.nowMs += 1
    assert.equal(await verdict(verifier, connectionWith(leaf)), 'ERR_PEER_UNTRUSTED')
  }
})

test('records when the first anchor of an endpoint ends', async (t) => {
  const endpoint = await startWeb(t)
  const stage = stageWithWeb()
  const verifier = open(t, { trust: webTrust(endpoint.url) }, stage)
  assert.deepEqual(stage.gauges, [])
  await verifier.ready()
  assert.deepEqual(stage.gauges[0], { name: 'security_cert_expiry_seconds', value: 86_400, labels: { kind: 'anchor' } })
})

/** A server with an X.509-SVID. */
const svidServer = (issuer: Forged, id = SERVER_ID, over: object = {}): Forged => forge({ issuer, sans: [san.uri(id)], ...over })

function spiffeTrust(t: TestContext, url: string, bundle: string, over: object = {}): TrustAnchors {
  const file = folder(t).write('first.json', bundle)
  return { trustDomain: DOMAIN, url, profile: 'https_spiffe', endpointSpiffeId: SERVER_ID, bundle: file, ...over }
}

test('fetches the bundle from a server whose X.509-SVID the first bundle vouches for', async (t) => {
  const middle = forgeCa({ issuer: root, subject: commonName('middle') })
  const endpoint = await startEndpoint(t, svidServer(middle), [middle], bundleOf([root, next]))
  const verifier = open(t, { trust: spiffeTrust(t, endpoint.url, bundleOf([root])) })
  assert.equal(await verdict(verifier, connectionWith(orders)), 'ERR_PEER_UNTRUSTED')
  await verifier.ready()
  assert.equal(await verdict(verifier, connectionWith(orders)), ID)
  assert.equal(await verdict(verifier, connectionWith(renewed)), ID)
  assert.deepEqual(endpoint.paths, ['/bundle'])
})

test('takes a first bundle in PEM too', async (t) => {
  const endpoint = await startEndpoint(t, svidServer(root), [], bundleOf([root]))
  const verifier = open(t, { trust: spiffeTrust(t, endpoint.url, pem(root.der)) })
  await verifier.ready()
  assert.equal(await verdict(verifier, connectionWith(orders)), ID)
})

test('knows the server by the latest bundle, not by the first', async (t) => {
  const old = await startEndpoint(t, svidServer(root), [], bundleOf([next]))
  const young = await startEndpoint(t, svidServer(next), [], bundleOf([next]))
  const stage = createLiveStage()
  const verifier = open(t, { trust: spiffeTrust(t, old.url, bundleOf([root])) }, stage)
  await verifier.ready()
  // The server still has the certificate of the authority that its own bundle has withdrawn.
  verifier.reload()
  assert.match(reasonOf(await stage.next('trust.reload-failed')), /ERR_PEER_UNTRUSTED/)
  const rotated = open(t, { trust: spiffeTrust(t, young.url, bundleOf([root])) }, stage)
  await assert.rejects(rotated.ready(), /ERR_PEER_UNTRUSTED/)
})

const impostors: readonly (readonly [claim: string, server: Forged, reason: RegExp])[] = [
  ['another SPIFFE ID', svidServer(root, 'spiffe://prod.example/bundles2'), /somebody else/],
  ['the SPIFFE ID of another trust domain', svidServer(root, 'spiffe://else.example/bundles'), /somebody else/],
  ['no SPIFFE ID', forge({ issuer: root, sans: [san.dns('localhost')] }), /no X\.509-SVID/],
  ['two URIs', forge({ issuer: root, sans: [san.uri(SERVER_ID), san.uri('https://a.example/')] }), /no X\.509-SVID/],
  ['an SVID of an unknown authority', svidServer(next), /ERR_PEER_UNTRUSTED/],
  ['an SVID that has expired', svidServer(root, SERVER_ID, { validToMs: NOW_MS - DAY_MS / 2 }), /ERR_PEER_EXPIRED/],
  ['an SVID for clients alone', svidServer(root, SERVER_ID, { purposes: [CLIENT_AUTH] }), /ERR_PEER_PURPOSE/],
  ['a signing certificate', svidServer(root, SERVER_ID, { ca: true, keyUsage: [0x86] }), /ERR_PEER_IS_CA/],
]

for (const [claim, server, reason] of impostors) {
  test(`sends nothing to a server with ${claim}`, async (t) => {
    const endpoint = await startEndpoint(t, server, [], bundleOf([root]))
    const verifier = open(t, { trust: spiffeTrust(t, endpoint.url, bundleOf([root])) })
    await assert.rejects(verifier.ready(), reason)
    assert.deepEqual(endpoint.paths, [])
    assert.equal(await verdict(verifier, connectionWith(orders)), 'ERR_PEER_UNTRUSTED')
  })
}

test('holds the target of a redirect to the same SPIFFE ID', async (t) => {
  const front = await startEndpoint(t, svidServer(root), [], '')
  const behind = await startEndpoint(t, svidServer(root), [], bundleOf([root]))
  const impostor = await startEndpoint(t, svidServer(root, 'spiffe://prod.example/other'), [], bundleOf([next]))
  redirect(front, behind.url)
  const verifier = open(t, { trust: spiffeTrust(t, front.url, bundleOf([root])) })
  await verifier.ready()
  assert.equal(await verdict(verifier, connectionWith(orders)), ID)
  redirect(front, impostor.url)
  await assert.rejects(open(t, { trust: spiffeTrust(t, front.url, bundleOf([root])) }).ready(), /somebody else/)
  assert.deepEqual(impostor.paths, [])
})

test('gives up an https_spiffe endpoint that fails, is gone, or sends what was not asked for', async (t) => {
  const endpoint = await startEndpoint(t, svidServer(root), [], bundleOf([root]))
  const attempt = (over: object = {}) => open(t, { trust: spiffeTrust(t, endpoint.url, bundleOf([root]), over) }).ready()
  endpoint.status = 404
  await assert.rejects(attempt(), /status 200/)
  endpoint.status = 200
  endpoint.headers = { 'content-encoding': 'gzip' }
  await assert.rejects(attempt(), /compressed/)
  endpoint.headers = {}
  endpoint.body = `{"keys":[],"x":"${'x'.repeat(2 * 1024 * 1024)}"}`
  await assert.rejects(attempt(), /too large/)
  await endpoint.close()
  await assert.rejects(attempt(), /cannot be reached/)
})

test('gives up an https_spiffe endpoint that shakes no hands, and one that never answers', async (t) => {
  const deaf = createServer(() => {}).listen(0, '127.0.0.1')
  t.after(() => deaf.close())
  await once(deaf, 'listening')
  const mute = await startEndpoint(t, svidServer(root), [], bundleOf([root]))
  mute.status = 0
  for (const url of [`https://127.0.0.1:${(deaf.address() as AddressInfo).port}/`, mute.url])
    await assert.rejects(open(t, { trust: spiffeTrust(t, url, bundleOf([root]), { timeoutMs: 200 }) }).ready(), /did not answer in time/)
})

test('does not take a bundle older than the first one that the operator gave', async (t) => {
  const endpoint = await startEndpoint(t, svidServer(root), [], bundleOf([root, next], { spiffe_sequence: 1 }))
  const verifier = open(t, { trust: spiffeTrust(t, endpoint.url, bundleOf([root], { spiffe_sequence: 2 })) })
  await assert.rejects(verifier.ready(), /older/)
})

test('takes what the operator changes in the first bundle for the latest, until the endpoint gives another', async (t) => {
  stayAlive(t)
  const endpoint = await startEndpoint(t, svidServer(root), [], bundleOf([root]))
  const files = folder(t)
  const bundle = files.write('first.json', bundleOf([root]))
  const stage = createLiveStage()
  const verifier = open(t, { trust: spiffeTrust(t, endpoint.url, '', { bundle }) }, stage)
  await verifier.ready()
  await stage.next('trust.reloaded')
  const connection = connectionWith(orders)
  assert.equal(await verdict(verifier, connection), ID)
  files.write('first.json', bundleOf([next]))
  assert.equal(verifier.reload(), true)
  assert.deepEqual((await stage.next('trust.reloaded')).facts, { option: 'mtls.trust.bundle', count: 1 })
  assert.equal(await verdict(verifier, connection), 'ERR_PEER_UNTRUSTED')
  assert.equal(await verdict(verifier, connectionWith(renewed)), ID)
})

test('does not let an answer that was under way undo what the operator changed', async (t) => {
  const endpoint = await startEndpoint(t, svidServer(root), [], bundleOf([root]))
  const files = folder(t)
  const bundle = files.write('first.json', bundleOf([root]))
  const stage = createLiveStage()
  const verifier = open(t, { trust: spiffeTrust(t, endpoint.url, '', { bundle }) }, stage)
  await verifier.ready()
  await stage.next('trust.reloaded')
  const held = new EventEmitter()
  const asked = once(held, 'asked')
  endpoint.gate = async () => {
    endpoint.gate = async () => {}
    const released = once(held, 'released')
    held.emit('asked')
    await released
  }
  verifier.reload()
  await asked
  files.write('first.json', bundleOf([next]))
  assert.equal(verifier.reload(), true)
  held.emit('released')
  // Asked anew, by the operator's bundle, which does not know the server any more.
  assert.match(reasonOf(await stage.next('trust.reload-failed')), /ERR_PEER_UNTRUSTED/)
  assert.equal(await verdict(verifier, connectionWith(orders)), 'ERR_PEER_UNTRUSTED')
  assert.equal(await verdict(verifier, connectionWith(renewed)), ID)
})

test('knows an endpoint of another trust domain by the bundle of that domain: its own entry, or a file', async (t) => {
  const theirs = forgeCa({ subject: commonName('theirs') })
  const serverId = 'spiffe://hub.example/bundles'
  const hub = await startWeb(t, bundleOf([theirs]))
  const endpoint = await startEndpoint(t, svidServer(theirs, serverId), [], bundleOf([root]))
  const served: TrustAnchors = { trustDomain: DOMAIN, url: endpoint.url, profile: 'https_spiffe', endpointSpiffeId: serverId }
  const entries: readonly (readonly TrustAnchors[])[] = [
    [served, { trustDomain: 'hub.example', url: hub.url, profile: 'https_web' }],
    [served, { trustDomain: 'hub.example', pem: pem(theirs.der) }],
    [{ ...served, bundle: folder(t).write('hub.json', bundleOf([theirs])) }],
  ]
  for (const trust of entries) {
    const verifier = open(t, { trust }, stageWithWeb())
    await verifier.ready()
    assert.equal(await verdict(verifier, connectionWith(orders)), ID)
    // Whoever serves the bundle vouches for none of its names.
    assert.equal(await verdict(verifier, connectionWith(forge({ issuer: theirs, sans: [san.uri(ID)] }))), 'ERR_PEER_UNTRUSTED')
  }
  const wrong = [served, { trustDomain: 'hub.example', pem: pem(root.der) }]
  await assert.rejects(open(t, { trust: wrong }).ready(), /ERR_PEER_UNTRUSTED/)
})

const URL_OK = 'https://bundles.test/'
const spiffe = { trustDomain: DOMAIN, url: URL_OK, profile: 'https_spiffe', endpointSpiffeId: SERVER_ID, bundle: 'first.json' }
const wrong: readonly (readonly [claim: string, trust: unknown, option: string, fix: RegExp])[] = [
  ['an http URL', webTrust('http://bundles.test/'), 'mtls.trust.url', /https URL/],
  ['a URL with a user', webTrust('https://me@bundles.test/'), 'mtls.trust.url', /without user name/],
  ['no URL at all', { ...webTrust(URL_OK), url: 5 }, 'mtls.trust.url', /https URL/],
  ['no profile', { trustDomain: DOMAIN, url: URL_OK }, 'mtls.trust.profile', /"https_web" or "https_spiffe"/],
  ['no trust domain', { ...webTrust(URL_OK), trustDomain: null }, 'mtls.trust.trustDomain', /does not say so itself/],
  ['a file beside the URL', { ...webTrust(URL_OK), file: 'a' }, 'mtls.trust.file', /not an option/],
  ['a SPIFFE ID for https_web', { ...webTrust(URL_OK), endpointSpiffeId: SERVER_ID }, 'mtls.trust.endpointSpiffeId', /not an option/],
  ['no SPIFFE ID', { ...spiffe, endpointSpiffeId: undefined }, 'mtls.trust.endpointSpiffeId', /SPIFFE ID of the endpoint/],
  ['a trust domain as SPIFFE ID', { ...spiffe, endpointSpiffeId: `spiffe://${DOMAIN}` }, 'mtls.trust.endpointSpiffeId', /SPIFFE ID/],
  ['no first bundle', { ...spiffe, bundle: undefined }, 'mtls.trust.bundle', /first-bundle\.json/],
  ['a first bundle that is not there', { ...spiffe, bundle: '/nowhere.json' }, 'mtls.trust.bundle', /ENOENT/],
  ['a refresh of never', webTrust(URL_OK, { refreshSeconds: 0 }), 'mtls.trust.refreshSeconds', /1 to 86400/],
  ['a time limit without end', webTrust(URL_OK, { timeoutMs: Number.POSITIVE_INFINITY }), 'mtls.trust.timeoutMs', /integer/],
  ['a truthy word', webTrust(URL_OK, { followRedirects: 'no' }), 'mtls.trust.followRedirects', /true or false/],
  ['an outage mode without a name', webTrust(URL_OK, { whenUnavailable: 'keep' }), 'mtls.trust.whenUnavailable', /"refuse"/],
  [
    'staleness without end',
    webTrust(URL_OK, { whenUnavailable: { staleSeconds: 1e9 } }),
    'mtls.trust.whenUnavailable.staleSeconds',
    /2592000/,
  ],
  ['another entry for the domain', [webTrust(URL_OK), { trustDomain: DOMAIN, pem: pem(root.der) }], 'mtls.trust', /no other anchors/],
  [
    'an endpoint of a trust domain that is not there',
    [{ ...spiffe, bundle: undefined, endpointSpiffeId: 'spiffe://hub.example/b' }],
    'mtls.trust[0]',
    /add that trust domain/,
  ],
  [
    'two endpoints that serve each other',
    [
      { ...spiffe, bundle: undefined, endpointSpiffeId: 'spiffe://hub.example/b' },
      { ...spiffe, bundle: undefined, trustDomain: 'hub.example' },
    ],
    'mtls.trust[0]',
    /add that trust domain/,
  ],
]

for (const [claim, trust, option, fix] of wrong) {
  test(`does not start with ${claim}, and names the way out`, () => {
    assert.throws(
      () => createPeerVerifier({ trust } as MtlsOptions, createStage()),
      (error) => error instanceof MisuseError && error.option === option && fix.test(error.message),
    )
  })
}
