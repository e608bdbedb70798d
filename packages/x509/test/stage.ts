import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { Connection, Inbound, Presented, SecurityEvent, Surroundings } from '@countersign/core'
import { type CertificateVerifier, createPeerVerifier, type MtlsOptions } from '@countersign/x509'
import { type Forged, NOW_MS } from './forge.js'

/** Surroundings whose clock stands still, and that keep what was recorded. */
export interface Stage extends Surroundings {
  nowMs: number
  readonly events: SecurityEvent[]
  readonly gauges: { readonly name: string; readonly value: number; readonly labels: unknown }[]
}

export function createStage(nowMs = NOW_MS): Stage {
  const events: SecurityEvent[] = []
  const gauges: Stage['gauges'] = []
  const ignored = { add() {}, record() {} }
  const stage: Stage = {
    nowMs,
    events,
    gauges,
    clock: { nowMs: () => stage.nowMs },
    fetch: () => Promise.reject(new Error('no network here')),
    recorder: {
      wants: () => true,
      record(event) {
        events.push(event)
        return true
      },
      async close() {},
    },
    meter: {
      createCounter: () => ignored,
      createHistogram: () => ignored,
      createGauge: (name) => ({ record: (value, labels) => gauges.push({ name, value, labels }) }),
    },
  }
  return stage
}

/** A verifier that the end of the test closes. */
export function open(t: TestContext, options: MtlsOptions, stage: Surroundings = createStage()): CertificateVerifier {
  const verifier = createPeerVerifier(options, stage)
  t.after(() => verifier.close())
  return verifier
}

export interface FakeConnection extends Connection {
  /** How often the socket was read. */
  readonly reads: { count: number }
}

export function connectionOf(presented: Presented | (() => Presented), over: Partial<Connection> = {}): FakeConnection {
  const reads = { count: 0 }
  return {
    transport: 'tls',
    remoteAddress: '192.0.2.1',
    proxyAddress: null,
    serverName: null,
    resumed: false,
    certificateRequested: true,
    socketAccess: () => null,
    presented() {
      reads.count++
      return typeof presented === 'function' ? presented() : presented
    },
    reads,
    ...over,
  }
}

export function connectionWith(leaf: Forged | Uint8Array, ...intermediates: readonly (Forged | Uint8Array)[]): FakeConnection {
  return connectionOf({ kind: 'certificate', leaf: bytesOf(leaf), intermediates: intermediates.map(bytesOf) })
}

const bytesOf = (certificate: Forged | Uint8Array): Uint8Array => (certificate instanceof Uint8Array ? certificate : certificate.der)

export function inboundOver(connection: Connection): Inbound {
  return {
    protocol: 'http/1.1',
    method: 'GET',
    target: '/',
    authority: 'billing.test',
    connection,
    rawHeaders: [],
    clientAddress: connection.remoteAddress,
    bodyRead: false,
    header: () => null,
  }
}

/** Code of the refusal, name of the peer, or `null`. */
export async function verdict(verifier: CertificateVerifier, connection: Connection): Promise<string | null> {
  return word(await verifier.verify(inboundOver(connection)))
}

/** The same for what is recalled; `undefined` as it is. */
export function recalled(verifier: CertificateVerifier, connection: Connection): string | null | undefined {
  const finding = verifier.recall(inboundOver(connection))
  return finding === undefined ? undefined : word(finding)
}

function word(finding: Awaited<ReturnType<CertificateVerifier['verify']>>): string | null {
  if (finding === null) return null
  return 'refused' in finding ? finding.code : finding.id
}

export interface Folder {
  readonly path: string
  write(name: string, content: string | Uint8Array): string
}

/** A folder that is removed after the test. */
export function folder(t: TestContext): Folder {
  const path = mkdtempSync(join(tmpdir(), 'countersign-x509-'))
  t.after(() => rmSync(path, { recursive: true, force: true }))
  return {
    path,
    write(name, content) {
      const file = join(path, name)
      writeFileSync(file, content)
      return file
    },
  }
}

/** The timers under test let the process end; a test that waits for one must not. */
export function stayAlive(t: TestContext): void {
  const timer = setInterval(() => {}, 60_000)
  t.after(() => clearInterval(timer))
}
