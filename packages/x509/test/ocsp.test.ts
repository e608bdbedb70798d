import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { CertificateRevocationOptions, CertificateVerifier, MtlsOptions } from '@countersign/x509'
import { commonName, integer, oid, san, sequence } from './der.js'
import { DAY_MS, ecKeys, extension, type Forged, forge, forgeCa, forgeCrl, NOW_MS, pem } from './forge.js'
import { type ForgeOcspOptions, forgeOcsp, nonceOf, ocspStatus } from './forge-ocsp.js'
import { connectionWith, createStage, folder, inboundOver, open, recalled, type Stage, stayAlive, verdict } from './stage.js'

const ID = 'spiffe://prod.example/orders'
const root = forgeCa()
const SERIAL = integer(0xf00d)
const place = (uri: string): Uint8Array =>
  extension('1.3.6.1.5.5.7.1.1', false, sequence(sequence(oid('1.3.6.1.5.5.7.48.1'), san.uri(uri))))
const leafAt = (uri: string, issuer = root, serial = SERIAL): Forged =>
  forge({ issuer, serial, sans: [san.uri(ID)], extensions: [place(uri)] })
const orders = leafAt('http://ocsp.test/')
const trust = { trustDomain: 'prod.example', pem: pem(root.der) }
const HOSTS = { hosts: ['ocsp.test'] }

/** A responder that a test answers for: by what it says, or not at all. */
interface Responder {
  says: (nonce: Uint8Array | null, url: string) => Uint8Array | Response | Promise<Response>
  readonly asked: string[]
}

const answer =
  (options: Partial<ForgeOcspOptions> = {}): ((nonce: Uint8Array | null) => Uint8Array) =>
  (nonce) =>
    forgeOcsp({ issuer: root, serial: SERIAL, nonce, ...options })

function stageWith(responder: Responder): Stage {
  const fetch: typeof globalThis.fetch = async (url, init) => {
    responder.asked.push(String(url))
    assert.equal(init?.redirect, 'manual')
    const said = await responder.says(nonceOf(new Uint8Array(init?.body as Uint8Array)), String(url))
    return said instanceof Response ? said : new Response(new Uint8Array(said))
  }
  return { ...createStage(), fetch } as Stage
}

interface Opened {
  readonly verifier: CertificateVerifier
  readonly responder: Responder
  readonly stage: Stage
}

function withOcsp(
  t: TestContext,
  says: Responder['says'],
  revocation: CertificateRevocationOptions = { ocsp: HOSTS },
  over: Partial<MtlsOptions> = {},
): Opened {
  const responder: Responder = { says, asked: [] }
  const stage = stageWith(responder)
  // The clock of a stage is read through the object itself.
  const moving: Stage = Object.assign(stage, { clock: { nowMs: () => moving.nowMs } })
  const verifier = open(t, { trust, clockSkewSeconds: 0, revocation: { scope: 'leaf', ...revocation }, ...over }, moving)
  stayAlive(t)
  return { verifier, responder, stage: moving }
}

const never = (): Promise<Response> => new Promise(() => {})

test('asks the responder once about a certificate that it has not seen, and no more on later connections', async (t) => {
  const { verifier, responder } = withOcsp(t, answer())
  const connections = Array.from({ length: 8 }, () => connectionWith(orders))
  const verdicts = await Promise.all(connections.map((connection) => verdict(verifier, connection)))
  assert.deepEqual(verdicts, Array(8).fill(ID))
  assert.equal(recalled(verifier, connectionWith(orders)), ID)
  assert.deepEqual(responder.asked, ['http://ocsp.test/'])
})

test('refuses what the responder says is revoked, whatever it says later', async (t) => {
  const { verifier, responder, stage } = withOcsp(t, answer({ status: 'revoked', reason: 1, nextUpdateMs: NOW_MS + 60_000 }))
  assert.equal(await verdict(verifier, connectionWith(orders)), 'ERR_PEER_REVOKED')
  responder.says = answer()
  stage.nowMs = NOW_MS + 3_600_000
  assert.equal(await verdict(verifier, connectionWith(orders)), 'ERR_PEER_REVOKED')
  assert.equal(responder.asked.length, 1)
})

test('reaches an open connection when a newer answer says revoked, without the request waiting for it', async (t) => {
  const { verifier, responder, stage } = withOcsp(t, answer({ nextUpdateMs: NOW_MS + 100_000 }))
  const connection = connectionWith(orders)
  assert.equal(await verdict(verifier, connection), ID)
  responder.says = answer({ status: 'revoked', thisUpdateMs: NOW_MS + 80_000 })
  stage.nowMs = NOW_MS + 90_000
  // Late in the life of the answer: the request asks for a newer one and does not wait.
  assert.equal(recalled(verifier, connection), ID)
  assert.equal(responder.asked.length, 2)
  await turns()
  assert.equal(recalled(verifier, connection), 'ERR_PEER_REVOKED')
})

test('renews an answer before it ends, so that open connections never see it run out', async (t) => {
  const { verifier, responder, stage } = withOcsp(t, answer({ nextUpdateMs: NOW_MS + 100_000 }))
  const connection = connectionWith(orders)
  await verdict(verifier, connection)
  for (let step = 1; step <= 5; step++) {
    stage.nowMs = NOW_MS + step * 90_000
    responder.says = answer({ thisUpdateMs: stage.nowMs - 1000, nextUpdateMs: stage.nowMs + 100_000 })
    assert.equal(recalled(verifier, connection), ID)
    await turns()
  }
  assert.equal(responder.asked.length, 6)
})

test('follows whenUnavailable on an open connection whose answer ran out, and asks beside it', async (t) => {
  for (const [whenUnavailable, expected] of [
    ['refuse', 'ERR_PEER_REVOCATION_UNKNOWN'],
    [{ staleSeconds: 3600 }, ID],
    ['dangerously-allow', ID],
  ] as const) {
    const { verifier, responder, stage } = withOcsp(t, answer({ nextUpdateMs: NOW_MS + 60_000 }), { ocsp: HOSTS, whenUnavailable })
    const connection = connectionWith(orders)
    await verdict(verifier, connection)
    responder.says = () => Promise.reject(new Error('down'))
    stage.nowMs = NOW_MS + 120_000
    assert.equal(recalled(verifier, connection), expected)
    await turns()
    assert.equal(recalled(verifier, connection), expected)
    assert.equal(responder.asked.length, 2)
    // And as soon as there is an answer again, whoever was refused is not any more.
    responder.says = answer({ thisUpdateMs: stage.nowMs })
    stage.nowMs += 20_000
    recalled(verifier, connection)
    await turns()
    assert.equal(recalled(verifier, connection), ID)
  }
})

test('lets a new connection wait for an answer that has run out, where an open one is not let', async (t) => {
  const { verifier, responder, stage } = withOcsp(t, answer({ nextUpdateMs: NOW_MS + 60_000 }))
  await verdict(verifier, connectionWith(orders))
  stage.nowMs = NOW_MS + 3_600_000
  responder.says = answer({ thisUpdateMs: stage.nowMs })
  assert.equal(await verdict(verifier, connectionWith(orders)), ID)
})

const failures: readonly (readonly [claim: string, says: Responder['says'], reason: string])[] = [
  ['that cannot be reached', () => Promise.reject(new Error('refused')), 'unreachable'],
  ['that never answers', never, 'unreachable'],
  ['that sends elsewhere', () => Response.redirect('http://elsewhere.test/', 302), 'unreachable'],
  ['that has a fault', () => new Response('fault', { status: 500 }), 'unreachable'],
  ['whose answer is too large', () => new Response(endless()), 'unreachable'],
  ['whose answer trickles', () => new Response(new ReadableStream({ start: (one) => one.enqueue(Uint8Array.of(0x30)) })), 'unreachable'],
  ['whose answer is a page', () => new Response('<html>'), 'unverified'],
  ['that is busy', () => ocspStatus(3), 'try-later'],
  ['that does not answer us', () => ocspStatus(6), 'refused'],
  ['that does not know the certificate', answer({ status: 'unknown' }), 'unknown-certificate'],
  ['whose answer is forged', answer({ signer: ecKeys().privateKey }), 'unverified'],
  ['whose answer has run out', answer({ nextUpdateMs: NOW_MS - 60_000 }), 'unverified'],
  ['that answers about another', answer({ serial: integer(9) }), 'unverified'],
  ['that replays an answer to another question', () => answer()(Buffer.alloc(32, 1)), 'unverified'],
]
for (const [claim, says, reason] of failures) {
  test(`refuses, and does not wait longer than it was told, with a responder ${claim}`, async (t) => {
    const { verifier, stage } = withOcsp(t, says, { ocsp: HOSTS, timeoutMs: 50 })
    const connection = connectionWith(orders)
    const found = await verifier.verify(inboundOver(connection))
    assert.ok(found !== null && 'refused' in found)
    assert.deepEqual([found.code, found.facts], ['ERR_PEER_REVOCATION_UNKNOWN', { certificate: 'leaf', reason }])
    if (says !== never && reason !== 'unknown-certificate' && claim !== 'whose answer trickles')
      assert.deepEqual([...new Set(stage.events.map(({ kind }) => kind))], ['trust.reload-failed'])
  })
}

test('lets in who was refused once an answer comes that was too late for them', async (t) => {
  let release: (response: Response) => void = () => {}
  const { verifier } = withOcsp(
    t,
    () =>
      new Promise((resolve) => {
        release = resolve
      }),
    { ocsp: { ...HOSTS, nonce: 'none' }, timeoutMs: 20 },
  )
  const connection = connectionWith(orders)
  assert.equal(await verdict(verifier, connection), 'ERR_PEER_REVOCATION_UNKNOWN')
  release(new Response(new Uint8Array(answer()(null))))
  await turns()
  assert.equal(await verdict(verifier, connection), ID)
})

test('does not ask a responder that is down again and again', async (t) => {
  const { verifier, responder, stage } = withOcsp(t, () => Promise.reject(new Error('down')))
  for (let i = 0; i < 20; i++) assert.equal(await verdict(verifier, connectionWith(orders)), 'ERR_PEER_REVOCATION_UNKNOWN')
  assert.equal(responder.asked.length, 1)
  stage.nowMs = NOW_MS + 1_500
  await verdict(verifier, connectionWith(orders))
  assert.equal(responder.asked.length, 2)
  stage.nowMs = NOW_MS + 2_600
  await verdict(verifier, connectionWith(orders))
  assert.equal(responder.asked.length, 2)
})

test('takes an answer without the nonce unless it is required', async (t) => {
  const silent = (): Uint8Array => answer()(null)
  assert.equal(await verdict(withOcsp(t, silent).verifier, connectionWith(orders)), ID)
  const strict = withOcsp(t, silent, { ocsp: { ...HOSTS, nonce: 'require' } })
  assert.equal(await verdict(strict.verifier, connectionWith(orders)), 'ERR_PEER_REVOCATION_UNKNOWN')
  const none = withOcsp(t, (nonce) => answer()(nonce), { ocsp: { ...HOSTS, nonce: 'none' } })
  none.responder.says = (nonce) => {
    assert.equal(nonce, null)
    return answer()(null)
  }
  assert.equal(await verdict(none.verifier, connectionWith(orders)), ID)
})

test('does not go back to an answer from before the one it holds', async (t) => {
  const { verifier, responder, stage } = withOcsp(t, answer({ thisUpdateMs: NOW_MS - 1000, nextUpdateMs: NOW_MS + 60_000 }))
  const connection = connectionWith(orders)
  await verdict(verifier, connection)
  responder.says = () => answer({ thisUpdateMs: NOW_MS - 3_600_000, nextUpdateMs: NOW_MS + DAY_MS })(null)
  stage.nowMs = NOW_MS + 61_000
  assert.equal(recalled(verifier, connection), 'ERR_PEER_REVOCATION_UNKNOWN')
  await turns()
  assert.equal(recalled(verifier, connection), 'ERR_PEER_REVOCATION_UNKNOWN')
})

const places: readonly (readonly [uri: string, allowed: boolean])[] = [
  ['http://ocsp.test/path?x=1', true],
  ['https://ocsp.test/', true],
  ['http://OCSP.test/', true],
  ['http://ocsp.test:8080/', false],
  ['http://ocsp.test.evil.test/', false],
  ['http://ocsp.test@169.254.169.254/', false],
  ['http://user:secret@ocsp.test/', false],
  ['http://169.254.169.254/latest/meta-data', false],
  ['http://[::1]/', false],
  ['http://2130706433/', false],
  ['http://localhost/', false],
  ['file:///etc/passwd', false],
  ['ldap://ocsp.test/', false],
  ['//ocsp.test/', false],
  ['not a place'.replaceAll(' ', '-'), false],
]
for (const [uri, allowed] of places) {
  test(`${allowed ? 'asks' : 'never asks'} at ${uri} where ocsp.test is listed`, async (t) => {
    const { verifier, responder } = withOcsp(t, answer())
    assert.equal(await verdict(verifier, connectionWith(leafAt(uri))), allowed ? ID : 'ERR_PEER_REVOCATION_UNKNOWN')
    assert.equal(responder.asked.length, allowed ? 1 : 0)
  })
}

test('asks at an address only where it is listed, with its port', async (t) => {
  const { verifier, responder } = withOcsp(t, answer(), { ocsp: { hosts: ['192.0.2.9:8080'] } })
  assert.equal(await verdict(verifier, connectionWith(leafAt('http://192.0.2.9:8080/'))), ID)
  assert.equal(responder.asked.length, 1)
})

test('never asks where a certificate points that no anchor vouches for', async (t) => {
  const { verifier, responder } = withOcsp(t, answer())
  assert.equal(
    await verdict(verifier, connectionWith(leafAt('http://ocsp.test/', forgeCa({ subject: commonName('stranger') })))),
    'ERR_PEER_UNTRUSTED',
  )
  const forged = Uint8Array.from(orders.der)
  forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1
  assert.equal(await verdict(verifier, connectionWith(forged)), 'ERR_PEER_UNTRUSTED')
  assert.equal(responder.asked.length, 0)
})

test('asks one responder about everything where it is told so', async (t) => {
  const { verifier, responder } = withOcsp(t, answer(), { ocsp: { url: 'http://fixed.test/ocsp' } })
  assert.equal(await verdict(verifier, connectionWith(orders)), ID)
  assert.deepEqual(responder.asked, ['http://fixed.test/ocsp'])
})

test('asks about every certificate in scope at the same time', async (t) => {
  const middle = forgeCa({ issuer: root, subject: commonName('middle'), serial: integer(5), extensions: [place('http://ocsp.test/ca')] })
  const leaf = leafAt('http://ocsp.test/leaf', middle)
  const says: Responder['says'] = (nonce, url) =>
    url.endsWith('ca') ? forgeOcsp({ issuer: root, serial: integer(5), nonce }) : forgeOcsp({ issuer: middle, serial: SERIAL, nonce })
  const { verifier, responder } = withOcsp(t, says, { ocsp: HOSTS, scope: 'chain' })
  assert.equal(await verdict(verifier, connectionWith(leaf, middle)), ID)
  assert.deepEqual(responder.asked.sort(), ['http://ocsp.test/ca', 'http://ocsp.test/leaf'])
  const revoked = withOcsp(
    t,
    (nonce, url) => (url.endsWith('ca') ? forgeOcsp({ issuer: root, serial: integer(5), nonce, status: 'revoked' }) : says(nonce, url)),
    { ocsp: HOSTS, scope: 'chain' },
  )
  assert.equal(await verdict(revoked.verifier, connectionWith(leaf, middle)), 'ERR_PEER_REVOKED')
})

test('asks nobody while a list has a current answer, and the responder when it has none', async (t) => {
  const file = folder(t).write('ca.crl', forgeCrl(root, { nextUpdateMs: NOW_MS + 60_000 }))
  const { verifier, responder, stage } = withOcsp(t, answer(), { crl: { files: [file] }, ocsp: HOSTS })
  assert.equal(await verdict(verifier, connectionWith(orders)), ID)
  assert.equal(responder.asked.length, 0)
  stage.nowMs = NOW_MS + 61_000
  responder.says = answer({ status: 'revoked' })
  assert.equal(await verdict(verifier, connectionWith(orders)), 'ERR_PEER_REVOKED')
  stage.nowMs = NOW_MS
  // What either of them said is revoked stays so.
  assert.equal(await verdict(verifier, connectionWith(orders)), 'ERR_PEER_REVOKED')
})

test('in prefer mode lets pass whom nobody can know of, and refuses where somebody should', async (t) => {
  const mute = forge({ issuer: root, sans: [san.uri(ID)] })
  const { verifier, responder } = withOcsp(t, () => Promise.reject(new Error('down')), { mode: 'prefer', ocsp: HOSTS })
  assert.equal(await verdict(verifier, connectionWith(mute)), ID)
  assert.equal(responder.asked.length, 0)
  assert.equal(await verdict(verifier, connectionWith(orders)), 'ERR_PEER_REVOCATION_UNKNOWN')
  const strict = withOcsp(t, answer())
  assert.equal(await verdict(strict.verifier, connectionWith(mute)), 'ERR_PEER_REVOCATION_UNKNOWN')
})

test('has a policy for each bundle', async (t) => {
  const other = forgeCa({ subject: commonName('partner') })
  const partner = forge({ issuer: other, sans: [san.uri('spiffe://partner.example/orders')] })
  const bundles = (revocation: CertificateRevocationOptions | null): MtlsOptions['trust'] => [
    trust,
    { trustDomain: 'partner.example', pem: pem(other.der), revocation },
  ]
  for (const [policy, expected] of [
    [null, 'spiffe://partner.example/orders'],
    [{ mode: 'off' }, 'spiffe://partner.example/orders'],
    [{ ocsp: { hosts: ['ocsp.partner.test'] } }, 'ERR_PEER_REVOCATION_UNKNOWN'],
    [{ mode: 'prefer', ocsp: { hosts: ['ocsp.partner.test'] } }, 'spiffe://partner.example/orders'],
  ] as const) {
    const { verifier } = withOcsp(t, answer({ status: 'revoked' }), { ocsp: HOSTS }, { trust: bundles(policy) })
    const connection = connectionWith(partner)
    assert.equal(await verdict(verifier, connection), expected)
    assert.equal(await verdict(verifier, connectionWith(orders)), 'ERR_PEER_REVOKED')
  }
})

/** Lets every promise that is settled already have its consequences. */
async function turns(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve))
}

function endless(): ReadableStream<Uint8Array> {
  return new ReadableStream({ pull: (one) => one.enqueue(new Uint8Array(16_384)) })
}
