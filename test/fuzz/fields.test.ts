import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import { test } from 'node:test'
import { createGuard } from '@countersign/guard'
import { createTokenSigner } from '@countersign/issuer'
import { inboundFrom } from '@countersign/node'
import { createTestClock, fakeTlsSocket } from '@countersign/testing'
import fc from 'fast-check'
import { memoryRecorder } from '../conformance/memory-recorder.js'
import { checkedDecision } from './checked-decision.js'

const RUNS = Number(process.env['COUNTERSIGN_RUNS'] ?? 5000)
const SEED = Number(process.env['COUNTERSIGN_SEED'] ?? 20_261_123)
const ISSUER = 'https://issuer.prod.example'
const HOST = 'billing.prod.example'

const clock = createTestClock()
const signer = createTokenSigner({ issuer: ISSUER, clock })
const recorder = memoryRecorder()
const guard = createGuard({
  mtls: null,
  jwt: { issuer: ISSUER, audience: 'billing', keys: { jwks: signer.jwks().keys }, binding: 'if-bound' },
  authorize: 'any-authenticated',
  limit: null,
  audit: recorder,
  runtime: { clock },
})
const good = `Bearer ${signer.sign({ subject: 'alice', audience: 'billing' })}`

const name = fc.oneof(
  fc.constantFrom(
    'Authorization',
    'authorization',
    'AUTHORIZATION',
    'authorizatio\u0131n',
    'Authorization ',
    ' authorization',
    'authorization\0',
    'author\u0130zation',
    'X-Authorization',
    'Proxy-Authorization',
    'Host',
    'host',
    'HOST',
    ':authority',
    'Cookie',
    '__proto__',
    'constructor',
    '',
  ),
  fc.string({ maxLength: 8 }),
)
const value = fc.oneof(
  fc.constantFrom(
    good,
    good.toLowerCase(),
    good.replace('Bearer', 'bearer'),
    `${good} `,
    ` ${good}`,
    `${good},${good}`,
    `${good}\0`,
    HOST,
    `${HOST}:8443`,
    `${HOST.toUpperCase()}`,
    'evil.example',
    `${HOST}@evil.example`,
    `${HOST}:`,
    `${HOST}:1:2`,
    '',
  ),
  fc.string({ unit: 'binary', maxLength: 12 }),
)
const fields = fc.array(fc.tuple(name, value), { maxLength: 6 })

/** A request as Node would have made it: its own table of fields is no help to whoever sees only the raw list. */
function requestOf(rawHeaders: readonly (readonly [string, string])[], socket: object): IncomingMessage {
  return {
    httpVersionMajor: 1,
    method: 'GET',
    url: '/',
    headers: {},
    rawHeaders: rawHeaders.flat(),
    socket,
    readableDidRead: false,
  } as unknown as IncomingMessage
}

test('a request is let through only with one token, good as it stands, and at most one host, of the handshake', async () => {
  let granted = 0
  await fc.assert(
    fc.asyncProperty(fc.boolean(), fc.boolean(), fields, async (withToken, withHost, more) => {
      const all = [...(withToken ? [['Authorization', good] as const] : []), ...(withHost ? [['Host', HOST] as const] : []), ...more]
      const socket = fakeTlsSocket({ serverName: HOST })
      const decision = await checkedDecision(guard, recorder, inboundFrom(requestOf(all, socket), '/'))
      socket.destroy()
      const valuesOf = (wanted: string) => all.flatMap(([key, text]) => (key.toLowerCase() === wanted ? [text] : []))
      const tokens = valuesOf('authorization')
      const hosts = valuesOf('host')
      const isHost = /^billing\.prod\.example\.?(?::\d{1,5})?$/i
      const expected =
        tokens.length === 1 &&
        tokens.every((token) => token.replace(/^bearer +/i, 'Bearer ') === good) &&
        (hosts.length === 0 || (hosts.length === 1 && hosts.every((host) => isHost.test(host))))
      assert.equal(decision.allowed, expected, JSON.stringify(all).replaceAll(good, 'TOKEN'))
      if (decision.allowed) granted++
    }),
    { numRuns: RUNS, seed: SEED },
  )
  assert.ok(granted > RUNS / 50, `${granted} of ${RUNS} let through`)
})
