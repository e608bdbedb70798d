import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Answer, send, sendHttp2, sendOnce } from './client.js'
import type { Evidence, ProxyKind } from './proxy.js'
import { type Recorded, startRecordingService } from './recording-service.js'
import type { Site } from './site.js'
import { createStage } from './stage.js'

/** Fields that tell a service of a client's certificate, under any spelling. */
const OF_CERTIFICATES = /^x[-_](?:ssl[-_])?client/i

/** What a service behind the proxy of the guide is sent, by a service that writes it down. */
export function testWhatArrives(kind: ProxyKind, site: Site): void {
  const stage = createStage(kind, site, () => startRecordingService(site))

  function arrived(answer: Answer): Recorded {
    assert.equal(answer.status, 200, answer.text)
    return JSON.parse(answer.text) as Recorded
  }

  function assertFields(answer: Answer, evidence: Evidence): void {
    const { rawHeaders, connection } = arrived(answer)
    assert.equal(connection, 'URI:spiffe://prod.example/ingress', "the connection is made with the proxy's own certificate")
    assert.deepEqual(linesOf(rawHeaders, OF_CERTIFICATES), sorted(Object.entries(kind.fields(evidence))))
  }

  const good = { certificateDer: site.client.certificateDer, fault: null } as const

  test('hands the certificate of the client on, in the form that was captured', async () => {
    assertFields(await send(site, await stage.portOf(), { as: site.client }), good)
  })

  test('says that there is none where the client has none', async () => {
    assertFields(await send(site, await stage.portOf()), null)
  })

  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    test(`hands the certificate on from a session of ${version} that is resumed, whether or not it comes again`, async () => {
      const port = await stage.portOf()
      const tls = { minVersion: version, maxVersion: version }
      const { session } = await sendOnce(site, port, { as: site.client, tls })
      assert.ok(session !== null)
      for (const as of [site.client, null]) {
        const resumed = await sendOnce(site, port, { as, session, tls })
        assert.ok(resumed.reused)
        assertFields(resumed.answer, good)
      }
    })
  }

  test('writes the address of the client last, whatever the client says of it', async () => {
    const lines = ['X-Forwarded-For: 203.0.113.9', 'X-Forwarded-For: 203.0.113.10']
    const { rawHeaders } = arrived(await send(site, await stage.portOf(), { as: site.client }, lines))
    const [[, value = ''] = [], ...more] = linesOf(rawHeaders, /^x-forwarded-for$/i)
    assert.equal(more.length, 0)
    assert.equal(value.split(', ').at(-1), '127.0.0.1')
  })

  test('speaks HTTP/2 and hands the same on', async () => {
    const port = await stage.portOf()
    assertFields(await sendHttp2(site, port, { as: site.client }), good)
    assertFields(await sendHttp2(site, port), null)
  })

  test('says what it thinks of a certificate that it lets through', async () => {
    const port = await stage.portOf(kind.lenient)
    for (const [fault, as] of [
      ['expired', site.expired],
      ['unknown-authority', site.stranger],
    ] as const) {
      if (kind.refusesItself.includes(fault)) await assertRefusedByProxy(send(site, port, { as }))
      else assertFields(await send(site, port, { as }), { certificateDer: as.certificateDer, fault })
    }
  })
}

/** In the handshake, or with a page of its own. */
async function assertRefusedByProxy(answer: Promise<Answer>): Promise<void> {
  const settled = await answer.catch((error: NodeJS.ErrnoException) => String(error.code))
  if (typeof settled === 'string') assert.match(settled, /^ERR_SSL_.*ALERT/)
  else assert.deepEqual([settled.status, settled.code], [400, null])
}

function linesOf(rawHeaders: readonly string[], name: RegExp): [string, string][] {
  const lines: [string, string][] = []
  for (let at = 0; at < rawHeaders.length; at += 2) lines.push([rawHeaders[at] ?? '', rawHeaders[at + 1] ?? ''])
  return sorted(lines.filter(([field]) => name.test(field)))
}

function sorted(lines: readonly [string, string][]): [string, string][] {
  return [...lines].sort(([a], [b]) => (a < b ? -1 : 1))
}
