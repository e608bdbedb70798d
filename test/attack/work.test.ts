import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { once } from 'node:events'
import { type ClientHttp2Session, connect } from 'node:http2'
import { test } from 'node:test'
import { createGuard } from '@countersign/guard'
import { createDevAuthority, type DevAuthority } from '@countersign/issuer'
import { secureHttp2Server } from '@countersign/node'
import { createTestClock, createTestMesh, createTestMeter, fakeInbound } from '@countersign/testing'
import { createPeerVerifier } from '@countersign/x509'
import { createArena, open } from './harness.js'

const SESSIONS = 4
const STREAMS = 50
/** The failure budget of an address, and a few that were under way. */
const MOST_VERIFICATIONS = 25

test('an address cannot have many times its failure budget verified by sending all tokens at once', async (t) => {
  const arena = createArena(t)
  const { mesh } = arena
  const meter = createTestMeter()
  const guard = createGuard({
    mtls: null,
    jwt: mesh.jwt({ audience: 'billing', binding: 'if-bound' }),
    authorize: 'any-authenticated',
    audit: null,
    meter,
  })
  t.after(() => guard.close())
  const port = await open(
    t,
    secureHttp2Server({ cert: arena.cert, key: arena.key, guard }, (_, res) => res.end('in')),
  )
  const sessions: ClientHttp2Session[] = []
  for (let index = 0; index < SESSIONS; index++) {
    const session = connect(`https://127.0.0.1:${port}`, { rejectUnauthorized: false })
    t.after(() => session.destroy())
    await once(session, 'connect')
    sessions.push(session)
  }
  const forged = Array.from({ length: SESSIONS * STREAMS }, (_, index) =>
    withWrongSignature(mesh.token({ audience: 'billing', claims: { index } })),
  )
  await Promise.all(
    forged.map(async (token, index) => {
      const stream = sessions[index % SESSIONS]?.request({ ':path': '/', authorization: `Bearer ${token}` })
      stream?.resume()
      if (stream !== undefined) await once(stream, 'close')
    }),
  )
  const verified = meter.total('jwt_token_verifications_total', { status: 'ERR_TOKEN_SIGNATURE' })
  assert.ok(verified <= MOST_VERIFICATIONS, `${verified} of ${forged.length} were verified`)
})

test('a chain that a stranger made costs no more than a few signatures of a slow curve', async () => {
  const mesh = createTestMesh('prod.example')
  const xs = createRing('X')
  const ys = createRing('Y')
  const certified = [
    ...xs.map(({ key }, index) => ys[index]?.authority.issueAuthority({ name: 'X', key })),
    ...ys.map(({ key }, index) => xs[(index + 1) % xs.length]?.authority.issueAuthority({ name: 'Y', key })),
  ].flatMap((authority) => authority?.certificateDer ?? [])
  const leaf = xs[0]?.authority.issue({ spiffeId: 'spiffe://prod.example/orders' })
  assert.ok(leaf !== undefined)
  const verifier = createPeerVerifier(
    { trust: mesh.trust },
    {
      clock: createTestClock(),
      recorder: { wants: () => false, record: () => true, close: async () => {} },
      meter: createTestMeter(),
      fetch,
    },
  )
  const presented = { kind: 'certificate', leaf: leaf.certificateDer, intermediates: certified.reverse() } as const
  const finding = await verifier.verify(fakeInbound({ presented }))
  assert.ok(finding !== null && 'refused' in finding)
  assert.equal(finding.code, 'ERR_PEER_TOO_COMPLEX')
  assert.equal(finding.facts['reason'], 'budget')
  assert.ok(Number(finding.facts['signatures']) <= 10, `${finding.facts['signatures']} signatures`)
})

/** Authorities of one name, each with a key of its own. */
function createRing(name: string): readonly { readonly key: KeyObject; readonly authority: DevAuthority }[] {
  return Array.from({ length: 5 }, () => {
    const key = generateKeyPairSync('ec', { namedCurve: 'P-521' }).privateKey
    return { key, authority: createDevAuthority({ name, key }) }
  })
}

function withWrongSignature(token: string): string {
  const at = token.lastIndexOf('.') + 5
  return `${token.slice(0, at)}${token[at] === 'A' ? 'B' : 'A'}${token.slice(at + 1)}`
}
