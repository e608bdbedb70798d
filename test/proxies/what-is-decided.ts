import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Answer, send, sendHttp2, sendOnce } from './client.js'
import { type Forgery, forgeriesFor } from './forgeries.js'
import { type Seen, startGuardedService } from './guarded-service.js'
import { optionsOfGuide } from './guide-options.js'
import type { Fault, ProxyKind } from './proxy.js'
import type { Site } from './site.js'
import { createStage } from './stage.js'

/**
 * What became of a request: `own` is the caller's own identity, a code is the guard's, and `proxy` stands for a page of the proxy's or a
 * handshake that it refused.
 */
export type Outcome = 'own' | 'proxy' | `ERR_${string}`

/** What is particular to one proxy. */
export interface Expectations {
  readonly provenance: 'proxy-verified' | 'proxy-passed-through'
  /** Outcomes with a certificate and without one, where they are not `own` and `ERR_PEER_MISSING`. */
  readonly forgeries: Readonly<Partial<Record<Forgery, readonly [withCertificate: Outcome, without: Outcome]>>>
  /** Changes after which the proxy uses one connection for several clients, where it does not do so anyway. */
  readonly reusing?: Readonly<Record<string, string>>
  readonly http2Forgery: readonly [withCertificate: Outcome, without: Outcome]
  /** From a proxy that lets everybody through. */
  readonly faults: Readonly<Record<Fault, Outcome>>
}

/** Far beyond the life of the client's certificate, and within that of the proxy's. */
const LATER_SECONDS = 7200

/** What the guard of the guide makes of requests that come through the proxy of the guide. */
export function testWhatIsDecided(kind: ProxyKind, site: Site, expected: Expectations): void {
  const { client, other, mesh } = site
  const forwarded = optionsOfGuide(kind.format)
  const stage = createStage(kind, site, () => startGuardedService(site, { forwarded }))

  const outcomeOf = (answer: Promise<Answer>): Promise<Outcome> => outcomeFor(answer, client.id, expected.provenance)

  test('the handler sees who the client is, how that is known, and the address it came from', async () => {
    const { status, text } = await send(site, await stage.portOf(), { as: client })
    assert.equal(status, 200, text)
    const { id, provenance, clientAddress } = seenIn(text)
    assert.deepEqual({ id, provenance, clientAddress }, { id: client.id, provenance: expected.provenance, clientAddress: '127.0.0.1' })
  })

  test('a client without a certificate is told so', async () => {
    const { status, code } = await send(site, await stage.portOf())
    assert.deepEqual({ status, code }, { status: 403, code: 'ERR_PEER_MISSING' })
  })

  test('certificates that ran out, or that nobody trusts, are refused by the proxy of the guide itself', async () => {
    const port = await stage.portOf()
    for (const as of [site.expired, site.stranger]) assert.equal(await outcomeOf(send(site, port, { as })), 'proxy')
  })

  test('certificates that ran out, or that nobody trusts, are refused where the proxy lets them through', async () => {
    const port = await stage.portOf(kind.lenient)
    for (const [fault, as] of [
      ['expired', site.expired],
      ['unknown-authority', site.stranger],
    ] as const)
      assert.equal(await outcomeOf(send(site, port, { as })), expected.faults[fault], fault)
    assert.equal(await outcomeOf(send(site, port, { as: client })), 'own')
  })

  for (const forgery of Object.keys(forgeriesFor(kind, other.certificateDer)) as Forgery[]) {
    test(`nobody becomes somebody else by a certificate ${forgery}`, async () => {
      const port = await stage.portOf()
      const lines = forgeriesFor(kind, other.certificateDer)[forgery]
      const outcomes = [await outcomeOf(send(site, port, { as: client }, lines)), await outcomeOf(send(site, port, {}, lines))]
      assert.deepEqual(outcomes, expected.forgeries[forgery] ?? ['own', 'ERR_PEER_MISSING'])
    })
  }

  test('nobody becomes somebody else over HTTP/2', async () => {
    const port = await stage.portOf()
    const fields: Record<string, string[]> = {}
    for (const [name, value] of Object.entries(kind.fields({ certificateDer: other.certificateDer, fault: null }))) {
      fields[name.toLowerCase()] = [value, value]
      fields[name.toLowerCase().replaceAll('-', '_')] = [value]
    }
    const outcomes = [
      await outcomeOf(sendHttp2(site, port, { as: client }, fields)),
      await outcomeOf(sendHttp2(site, port, {}, fields)),
      await outcomeOf(sendHttp2(site, port, { as: client })),
      await outcomeOf(sendHttp2(site, port)),
    ]
    assert.deepEqual(outcomes, [...expected.http2Forgery, 'own', 'ERR_PEER_MISSING'])
  })

  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    test(`a session of ${version} that is resumed keeps its caller, forged fields or not, and only as long as the certificate lasts`, async () => {
      const port = await stage.portOf()
      const tls = { minVersion: version, maxVersion: version }
      const { session, answer } = await sendOnce(site, port, { as: client, tls })
      assert.equal(seenIn(answer.text).id, client.id)
      assert.ok(session !== null)
      const forged = forgeriesFor(kind, other.certificateDer)['the same name']
      for (const as of [client, null]) {
        for (const lines of [[], forged]) {
          const resumed = await sendOnce(site, port, { as, session, tls }, lines)
          assert.ok(resumed.reused)
          assert.equal(seenIn(resumed.answer.text).id, client.id, resumed.answer.text)
        }
      }
      // The proxy goes by the system's time and resumes: the service is where the end of the certificate is seen.
      mesh.clock.advanceSeconds(LATER_SECONDS)
      try {
        const late = await sendOnce(site, port, { session, tls })
        assert.ok(late.reused)
        assert.equal(late.answer.code, 'ERR_PEER_EXPIRED', late.answer.text)
      } finally {
        mesh.clock.advanceSeconds(-LATER_SECONDS)
      }
    })
  }

  test('clients on one connection of the proxy are told apart', async () => {
    const port = await stage.portOf(expected.reusing ?? {})
    const callers = [client, other, null, client, other, null]
    const connections: (number | null)[] = []
    for (const as of callers) {
      const { text, code } = await send(site, port, { as })
      if (as === null) assert.equal(code, 'ERR_PEER_MISSING')
      else {
        const { id, connection } = seenIn(text)
        assert.equal(id, as.id)
        connections.push(connection)
      }
    }
    assert.ok(new Set(connections).size < connections.length, 'the proxy uses its connections again')
  })

  test('the address that a client gives itself is not believed', async () => {
    const answer = await send(site, await stage.portOf(), { as: client }, ['X-Forwarded-For: 203.0.113.9', 'Forwarded: for=203.0.113.9'])
    assert.equal(seenIn(answer.text).clientAddress, '127.0.0.1')
  })

  test('fields of other proxies that a client sends do not reach the handler', async () => {
    const lines = forgeriesFor(kind, other.certificateDer)['in the formats of other proxies']
    const { text } = await send(site, await stage.portOf(), { as: client }, lines)
    const own = Object.keys(kind.fields(null)).map((name) => name.toLowerCase())
    const names = lines.map((line) => line.slice(0, line.indexOf(':')).toLowerCase()).filter((name) => !own.includes(name))
    assert.deepEqual(
      seenIn(text).fields.filter((name) => names.includes(name)),
      [],
    )
  })
}

/** @param id who the caller is; anybody else is an error. */
export async function outcomeFor(answer: Promise<Answer>, id: string, provenance: Expectations['provenance']): Promise<Outcome> {
  const { status, text, code } = await answer.catch((error: NodeJS.ErrnoException): Answer => {
    assert.match(String(error.code), /^ERR_SSL_.*ALERT/, error.message)
    return { status: 0, text: '', code: null }
  })
  if (status !== 200) return code === null ? 'proxy' : (code as Outcome)
  const seen = seenIn(text)
  assert.deepEqual([seen.id, seen.provenance], [id, provenance])
  return 'own'
}

export function seenIn(text: string): Seen {
  const parsed: unknown = JSON.parse(text)
  assert.ok(typeof parsed === 'object' && parsed !== null && 'id' in parsed, text)
  return parsed as Seen
}
