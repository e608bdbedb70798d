import { createPublicKey } from 'node:crypto'
import { EventEmitter, once } from 'node:events'
import { createServer, request } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import type { SecurityEvent, Surroundings } from '@countersign/core'
import { san } from './der.js'
import { DAY_MS, type Forged, forge, pem } from './forge.js'
import { createStage, type Stage } from './stage.js'

/** An entry of a bundle for a CA. */
export function x509Key(authority: Forged): Record<string, unknown> {
  const jwk = createPublicKey(authority.privateKey).export({ format: 'jwk' })
  return { use: 'x509-svid', ...jwk, x5c: [Buffer.from(authority.der).toString('base64')] }
}

/** A SPIFFE bundle with these CAs. */
export function bundleOf(authorities: readonly Forged[], over: Record<string, unknown> = {}): string {
  return JSON.stringify({ keys: authorities.map(x509Key), ...over })
}

export interface Endpoint {
  readonly url: string
  /** What it answers. */
  body: string
  /** 0: it does not. */
  status: number
  headers: Record<string, string>
  /** What it waits for before it answers with the body that it had when it was asked. */
  gate: () => Promise<void>
  /** Paths asked for. */
  readonly paths: string[]
  /** TLS connections that were made, asked for anything or not. */
  readonly connections: { count: number }
  close(): Promise<void>
}

/** A bundle endpoint on the loopback address, closed after the test. */
export async function startEndpoint(t: TestContext, own: Forged, issuers: readonly Forged[], body: string): Promise<Endpoint> {
  const cert = pem(own.der, ...issuers.map(({ der }) => der))
  const key = own.privateKey.export({ type: 'pkcs8', format: 'pem' })
  const connections = { count: 0 }
  const paths: string[] = []
  const server = createServer({ cert, key }, async (req, res) => {
    paths.push(req.url ?? '')
    const { body } = endpoint
    await endpoint.gate()
    if (endpoint.status !== 0) res.writeHead(endpoint.status, endpoint.headers).end(body)
  })
  server.on('secureConnection', () => connections.count++)
  server.on('tlsClientError', () => {})
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const endpoint: Endpoint = {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}/bundle`,
    body,
    status: 200,
    headers: { 'content-type': 'application/json' },
    gate: async () => {},
    paths,
    connections,
    async close() {
      if (!server.listening) return
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
  t.after(() => endpoint.close())
  return endpoint
}

/** A server certificate that the Web PKI of {@link fetchTrusting} accepts, whatever the clock of the stage. */
export function webCertificate(authority: Forged): Forged {
  const nowMs = Date.now()
  const sans = [san.ip(127, 0, 0, 1), san.dns('localhost')]
  return forge({ issuer: authority, sans, validFromMs: nowMs - DAY_MS, validToMs: nowMs + DAY_MS })
}

/** `fetch` with one CA as its Web PKI. Follows no redirect, as it is asked to. */
export function fetchTrusting(authority: Forged): Surroundings['fetch'] {
  return async (input, init) => {
    const asked = request(String(input), { ca: pem(authority.der), agent: false, ...(init?.signal ? { signal: init.signal } : {}) })
    asked.end()
    const [response] = await once(asked, 'response')
    const chunks: Uint8Array[] = []
    for await (const chunk of response) chunks.push(chunk)
    return new Response(Buffer.concat(chunks), { status: response.statusCode, headers: response.headers })
  }
}

/** An event comes within milliseconds, or never. */
const LONGEST_WAIT_MS = 20_000

export interface LiveStage extends Stage {
  /** The next event of this kind, or one that was not waited for yet. */
  next(kind: SecurityEvent['kind']): Promise<SecurityEvent>
}

/** A stage whose events can be waited for. */
export function createLiveStage(fetch?: Surroundings['fetch']): LiveStage {
  const stage = createStage()
  const emitter = new EventEmitter()
  const waiting: SecurityEvent[] = []
  const live: LiveStage = {
    ...stage,
    get nowMs() {
      return stage.nowMs
    },
    set nowMs(nowMs: number) {
      stage.nowMs = nowMs
    },
    ...(fetch === undefined ? {} : { fetch }),
    recorder: {
      ...stage.recorder,
      record(event) {
        waiting.push(event)
        emitter.emit('event')
        return stage.recorder.record(event)
      },
    },
    async next(kind) {
      for (;;) {
        const at = waiting.findIndex((event) => event.kind === kind)
        const [event] = at < 0 ? [] : waiting.splice(at, 1)
        if (event !== undefined) return event
        await once(emitter, 'event', { signal: AbortSignal.timeout(LONGEST_WAIT_MS) })
      }
    },
  }
  return live
}
