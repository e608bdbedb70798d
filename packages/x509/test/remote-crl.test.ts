import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { FetchError, isRefusal, RefusedError } from '@countersign/core'
import type { CertificateRevocationOptions, CertificateVerifier } from '@countersign/x509'
import { commonName, der, integer, san, sequence } from './der.js'
import { armor, DAY_MS, ecKeys, extension, type ForgeCrlOptions, type Forged, forge, forgeCa, forgeCrl, NOW_MS, pem } from './forge.js'
import { connectionWith, createStage, inboundOver, open, recalled, type Stage, stayAlive, verdict } from './stage.js'

const ID = 'spiffe://prod.example/orders'
const URL_ = 'http://crl.test/ca.crl'
const root = forgeCa()
const SERIAL = integer(0xf00d)
const orders = forge({ issuer: root, serial: SERIAL, sans: [san.uri(ID)] })
const trust = { trustDomain: 'prod.example', pem: pem(root.der) }

interface Asked {
  readonly url: string
  readonly headers: Record<string, string>
}

/** A server of lists that a test answers for. */
interface Publisher {
  says: (asked: Asked) => Uint8Array | Response | Promise<Response>
  readonly asked: Asked[]
}

interface Opened {
  readonly verifier: CertificateVerifier
  readonly publisher: Publisher
  readonly stage: Stage
}

function withUrls(t: TestContext, says: Publisher['says'], revocation: Partial<CertificateRevocationOptions> = {}): Opened {
  const publisher: Publisher = { says, asked: [] }
  const fetch: typeof globalThis.fetch = async (url, init) => {
    const asked = { url: String(url), headers: Object.fromEntries(new Headers(init?.headers)) }
    publisher.asked.push(asked)
    assert.equal(init?.redirect, 'manual')
    const said = await publisher.says(asked)
    return said instanceof Response ? said : new Response(new Uint8Array(said))
  }
  const stage: Stage = Object.assign({ ...createStage(), fetch }, { clock: { nowMs: () => stage.nowMs } })
  const options = { crl: { urls: [URL_] }, scope: 'leaf', timeoutMs: 50, ...revocation } as const
  const verifier = open(t, { trust, clockSkewSeconds: 0, revocation: options }, stage)
  stayAlive(t)
  return { verifier, publisher, stage }
}

const list = (options: ForgeCrlOptions = {}): Uint8Array => forgeCrl(root, options)
const reasons = ({ events }: Stage): string[] =>
  events.filter(({ kind }) => kind === 'trust.reload-failed').map(({ facts }) => String(facts?.['reason']))

/** Asks for the list again, past every pause that failures and successes bring, and waits for the answer. */
async function again({ verifier, stage }: Opened, says?: [Publisher, Publisher['says']]): Promise<void> {
  if (says !== undefined) says[0].says = says[1]
  stage.nowMs += 301_000
  verifier.reload()
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve))
}

test('fetches its lists at the start and is ready when they are there', async (t) => {
  for (const body of [list(), Buffer.from(armor(list(), 'X509 CRL'))]) {
    const { verifier, publisher } = withUrls(t, () => body)
    await verifier.ready()
    assert.equal(await verdict(verifier, connectionWith(orders)), ID)
    assert.equal(publisher.asked.length, 1)
  }
})

test('is not ready without a list that it needs, and is with one that it does not', async (t) => {
  const down = (): Promise<Response> => Promise.reject(new Error('down'))
  await assert.rejects(
    withUrls(t, down).verifier.ready(),
    (error) => error instanceof RefusedError && error.code === 'ERR_PEER_REVOCATION_UNKNOWN',
  )
  await withUrls(t, down, { whenUnavailable: 'dangerously-allow' }).verifier.ready()
  await withUrls(t, down, { mode: 'prefer' }).verifier.ready()
})

test('refuses on an open connection what a newer list holds', async (t) => {
  const opened = withUrls(t, () => list())
  await opened.verifier.ready()
  const connection = connectionWith(orders)
  assert.equal(await verdict(opened.verifier, connection), ID)
  await again(opened, [opened.publisher, () => list({ number: 8, serials: [SERIAL] })])
  assert.equal(recalled(opened.verifier, connection), 'ERR_PEER_REVOKED')
  assert.deepEqual(
    opened.stage.events.map(({ kind }) => kind),
    ['trust.reloaded', 'peer.first-seen', 'trust.reloaded'],
  )
})

test('asks whether a list has changed, and keeps it if not', async (t) => {
  const opened = withUrls(t, ({ headers }) =>
    headers['if-none-match'] === '"1"'
      ? new Response(null, { status: 304 })
      : new Response(new Uint8Array(list()), { headers: { etag: '"1"' } }),
  )
  await opened.verifier.ready()
  await again(opened)
  await again(opened)
  assert.deepEqual(
    opened.publisher.asked.map(({ headers }) => headers['if-none-match'] ?? null),
    [null, '"1"', '"1"'],
  )
  assert.equal(await verdict(opened.verifier, connectionWith(orders)), ID)
  assert.deepEqual(reasons(opened.stage), [])
})

test('does not ask whether a list has changed that nobody known has signed', async (t) => {
  const tagged = (body: Uint8Array): Response => new Response(new Uint8Array(body), { headers: { etag: '"real"' } })
  const opened = withUrls(t, () => tagged(forgeCrl(forgeCa({ subject: commonName('anybody') }))))
  await opened.verifier.ready()
  const real: Publisher['says'] = ({ headers }) =>
    headers['if-none-match'] === '"real"' ? new Response(null, { status: 304 }) : tagged(list())
  await again(opened, [opened.publisher, real])
  assert.equal(await verdict(opened.verifier, connectionWith(orders)), ID)
})

const revoking = list({ number: 8, serials: [SERIAL], thisUpdateMs: NOW_MS - 3_600_000 })
const bad: readonly (readonly [claim: string, says: Publisher['says'], reason: RegExp])[] = [
  ['that is older by its number', () => list({ number: 7, thisUpdateMs: NOW_MS - 1000 }), /older than the one in use/],
  ['that is older by its time', () => list({ number: 9, thisUpdateMs: NOW_MS - 2 * 3_600_000 }), /older than the one in use/],
  ['that another key signed', () => list({ number: 9, signer: ecKeys().privateKey }), /forged/],
  ['that cannot be read', () => list().subarray(0, 90), /cannot be read/],
  ['that cannot be used', () => list({ number: 9, nextUpdateMs: null }), /nextUpdate/],
  ['that is a page', () => new Response('<html>'), /no CRL/],
  ['that is empty', () => new Response(''), /no CRL/],
  ['that is somewhere else', () => Response.redirect('http://169.254.169.254/', 302), /sends elsewhere/],
  ['that is not there', () => new Response('gone', { status: 404 }), /status 200/],
  ['that does not come', () => Promise.reject(new Error('down')), /cannot be reached/],
]
for (const [claim, says, reason] of bad) {
  test(`keeps the list that it has instead of one ${claim}, and says why`, async (t) => {
    const opened = withUrls(t, () => revoking)
    await opened.verifier.ready()
    await again(opened, [opened.publisher, says])
    assert.equal(await verdict(opened.verifier, connectionWith(orders)), 'ERR_PEER_REVOKED')
    assert.equal(reasons(opened.stage).length, 1)
    assert.match(reasons(opened.stage)[0] ?? '', reason)
    await again(opened, [opened.publisher, () => list({ number: 10, thisUpdateMs: NOW_MS })])
    assert.equal(await verdict(opened.verifier, connectionWith(orders)), ID)
  })
}

test('ends an answer that is larger than any list while it comes', async (t) => {
  let sent = 0
  const pull = (one: ReadableStreamDefaultController<Uint8Array>): void => {
    sent += 1 << 22
    one.enqueue(new Uint8Array(1 << 22))
  }
  const { verifier, stage } = withUrls(t, () => new Response(new ReadableStream({ pull })))
  await assert.rejects(verifier.ready())
  assert.match(reasons(stage)[0] ?? '', /too large/)
  assert.ok(sent <= 80 * 1024 * 1024, `${sent} octets`)
})

test('fetches a list again after as many seconds as it was told, and sooner if it ends sooner', async (t) => {
  const settings = [
    { refreshSeconds: 1, nextUpdateMs: NOW_MS + DAY_MS },
    { refreshSeconds: 3_600, nextUpdateMs: NOW_MS + 1_000 },
  ]
  for (const { refreshSeconds, nextUpdateMs } of settings) {
    const { promise, resolve } = resolvers()
    let times = 0
    const says = ({ url }: Asked): Uint8Array => {
      if (++times === 2) resolve(url)
      return list({ thisUpdateMs: NOW_MS - 1_000, nextUpdateMs })
    }
    const { verifier } = withUrls(t, says, { crl: { urls: [URL_], refreshSeconds } })
    await verifier.ready()
    assert.equal(await promise, URL_)
  }
})

function resolvers(): { readonly promise: Promise<string>; readonly resolve: (value: string) => void } {
  let resolve: (value: string) => void = () => {}
  const promise = new Promise<string>((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}

test('goes on with an old list for as long as it was told while there is no newer one', async (t) => {
  const short = (): Uint8Array => list({ nextUpdateMs: NOW_MS + 60_000 })
  const [strict, patient] = [withUrls(t, short), withUrls(t, short, { whenUnavailable: { staleSeconds: 3600 } })]
  for (const opened of [strict, patient]) {
    await opened.verifier.ready()
    assert.equal(await verdict(opened.verifier, connectionWith(orders)), ID)
    opened.publisher.says = () => Promise.reject(new Error('down'))
    opened.stage.nowMs += 120_000
  }
  assert.equal(await verdict(strict.verifier, connectionWith(orders)), 'ERR_PEER_REVOCATION_UNKNOWN')
  assert.equal(await verdict(patient.verifier, connectionWith(orders)), ID)
  patient.stage.nowMs += 3_600_000
  assert.equal(await verdict(patient.verifier, connectionWith(orders)), 'ERR_PEER_REVOCATION_UNKNOWN')
})

test('never lets a list that nobody is known to have signed take the place of a proven one, of an intermediate too', async (t) => {
  const middle = forgeCa({ issuer: root, subject: commonName('middle') })
  const leaf = forge({ issuer: middle, serial: SERIAL, sans: [san.uri(ID)] })
  const opened = withUrls(t, () => forgeCrl(middle, { number: 3, serials: [SERIAL] }))
  await opened.verifier.ready()
  assert.equal(await verdict(opened.verifier, connectionWith(leaf, middle)), 'ERR_PEER_REVOKED')
  await again(opened, [opened.publisher, () => forgeCrl(middle, { number: 2 ** 40, signer: ecKeys().privateKey })])
  await again(opened, [opened.publisher, () => forgeCrl(middle, { number: 4 })])
  assert.equal(await verdict(opened.verifier, connectionWith(leaf, middle)), ID)
})

const point = (uri: string): Uint8Array => extension('2.5.29.31', false, sequence(sequence(der(0xa0, der(0xa0, san.uri(uri))))))
const pointing = (uri: string, issuer: Forged = root): Forged =>
  forge({ issuer, serial: SERIAL, sans: [san.uri(ID)], extensions: [point(uri)] })
const POINTS = { crl: { distributionPoints: { hosts: ['crl.test'] } } }

test('fetches the list that a certificate points to, once, and lets its first caller wait', async (t) => {
  const { verifier, publisher } = withUrls(t, () => list(), { ...POINTS, timeoutMs: 5_000 })
  await verifier.ready()
  assert.equal(publisher.asked.length, 0)
  const connections = Array.from({ length: 5 }, () => connectionWith(pointing(URL_)))
  assert.deepEqual(await Promise.all(connections.map((connection) => verdict(verifier, connection))), Array(5).fill(ID))
  assert.deepEqual(
    publisher.asked.map(({ url }) => url),
    [URL_],
  )
})

for (const uri of [
  'http://elsewhere.test/ca.crl',
  'http://169.254.169.254/',
  'file:///etc/passwd',
  'http://crl.test@127.0.0.1/',
  'http://crl.test:81/',
]) {
  test(`never fetches a list from ${uri} where crl.test is listed`, async (t) => {
    const { verifier, publisher } = withUrls(t, () => list(), POINTS)
    const found = await verifier.verify(inboundOver(connectionWith(pointing(uri))))
    assert.ok(isRefusal(found))
    assert.deepEqual([found.code, found.facts['reason']], ['ERR_PEER_REVOCATION_UNKNOWN', 'host'])
    assert.equal(publisher.asked.length, 0)
  })
}

test('never fetches a list that a certificate points to which no anchor vouches for', async (t) => {
  const { verifier, publisher } = withUrls(t, () => list(), POINTS)
  const stranger = pointing(URL_, forgeCa({ subject: commonName('stranger') }))
  assert.equal(await verdict(verifier, connectionWith(stranger)), 'ERR_PEER_UNTRUSTED')
  assert.equal(publisher.asked.length, 0)
})

test('certificates that point to hundreds of lists which are not there keep nobody from the list that is', async (t) => {
  const says = ({ url }: Asked): Uint8Array | Response => (url === URL_ ? list() : new Response('', { status: 404 }))
  const { verifier, publisher } = withUrls(t, says, { ...POINTS, timeoutMs: 5_000 })
  for (let i = 0; i < 300; i++) await verdict(verifier, connectionWith(pointing(`http://crl.test/${i}`)))
  assert.equal(publisher.asked.length, 300)
  assert.equal(await verdict(verifier, connectionWith(pointing(URL_))), ID)
})

test('lists of one host do not use up the room for those of another', async (t) => {
  const partner = forgeCa({ subject: commonName('partner') })
  const scope = (url: string): Uint8Array => extension('2.5.29.28', true, sequence(der(0xa0, der(0xa0, san.uri(url)))))
  const says = ({ url }: Asked): Uint8Array => (url === URL_ ? list() : forgeCrl(partner, { extensions: [scope(url)] }))
  const stage: Stage = Object.assign(
    { ...createStage(), fetch: async (url: unknown) => new Response(new Uint8Array(says({ url: String(url), headers: {} }))) },
    { clock: { nowMs: () => stage.nowMs } },
  )
  const theirs = { trustDomain: 'partner.example', pem: pem(partner.der) }
  const hosts = ['crl.test', 'crl.partner.test']
  const revocation = { crl: { distributionPoints: { hosts } }, scope: 'leaf', timeoutMs: 5_000 } as const
  const verifier = open(t, { trust: [trust, theirs], clockSkewSeconds: 0, revocation }, stage)
  stayAlive(t)
  const verdicts = new Set<string | null>()
  for (let i = 0; i < 140; i++) {
    const extensions = [point(`http://crl.partner.test/${i}`)]
    verdicts.add(
      await verdict(verifier, connectionWith(forge({ issuer: partner, sans: [san.uri('spiffe://partner.example/a')], extensions }))),
    )
  }
  assert.deepEqual([...verdicts], ['spiffe://partner.example/a', 'ERR_PEER_REVOCATION_UNKNOWN'])
  assert.equal(await verdict(verifier, connectionWith(pointing(URL_))), ID)
})

test('refuses whoever points to a list that does not come in time, and says so', async (t) => {
  const { verifier } = withUrls(t, () => new Promise(() => {}), POINTS)
  const found = await verifier.verify(inboundOver(connectionWith(pointing(URL_))))
  assert.ok(isRefusal(found))
  assert.deepEqual([found.code, found.facts['reason']], ['ERR_PEER_REVOCATION_UNKNOWN', 'unreachable'])
})

test('in prefer mode refuses whoever points to a list of somebody else, and lets pass who points to none', async (t) => {
  const other = forgeCa({ subject: commonName('other') })
  const { verifier } = withUrls(t, () => forgeCrl(other), { ...POINTS, mode: 'prefer', timeoutMs: 5_000 })
  const found = await verifier.verify(inboundOver(connectionWith(pointing(URL_))))
  assert.ok(isRefusal(found))
  assert.deepEqual([found.code, found.facts['reason']], ['ERR_PEER_REVOCATION_UNKNOWN', 'no-crl'])
  assert.equal(await verdict(verifier, connectionWith(orders)), ID)
})

test('applies a delta list that stands beside its complete one', async (t) => {
  const base = list({ number: 7, nextUpdateMs: NOW_MS + DAY_MS })
  const delta = list({ number: 8, serials: [SERIAL], extensions: [extension('2.5.29.27', true, integer(7))] })
  const { verifier } = withUrls(t, () => Buffer.from(armor(base, 'X509 CRL') + armor(delta, 'X509 CRL')))
  await verifier.ready()
  assert.equal(await verdict(verifier, connectionWith(orders)), 'ERR_PEER_REVOKED')
})

test('the log has the code of what failed at the root, and says that it was fetched', async (t) => {
  const refused = Object.assign(new Error('connect'), { code: 'ECONNREFUSED' })
  const { verifier, stage } = withUrls(t, () => Promise.reject(new TypeError('fetch failed', { cause: refused })))
  await assert.rejects(verifier.ready())
  const [failed] = stage.events.filter(({ kind }) => kind === 'trust.reload-failed')
  assert.ok(failed?.cause instanceof FetchError)
  assert.equal(failed.cause.code, 'ECONNREFUSED')
  assert.match(failed.message, /^What is fetched/)
})
