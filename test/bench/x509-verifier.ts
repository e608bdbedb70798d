import type { Connection, Inbound, Surroundings } from '@countersign/core'
import { type CertificateVerifier, createPeerVerifier } from '@countersign/x509'
import { NOW_MS } from '../chains/certificate.js'
import { armor } from '../chains/der.js'
import { TRUST_DOMAIN } from './names.js'
import type { Chain } from './x509-chains.js'

export interface OpenVerifier {
  readonly verifier: CertificateVerifier
  /** Verifies the leaf on a connection of its own. */
  see(chain: Chain): Promise<void>
  close(): void
}

export function openVerifier(roots: readonly Uint8Array[]): OpenVerifier {
  const pem = roots.map((root) => armor(root)).join('')
  const verifier = createPeerVerifier({ trust: { trustDomain: TRUST_DOMAIN, pem } }, quiet())
  return {
    verifier,
    async see(chain) {
      const finding = await verifier.verify(inboundOver(connectionOf(chain)))
      if (finding === null || 'refused' in finding) throw new Error(`refused: ${finding?.code}`)
    },
    close: () => void verifier.close(),
  }
}

function quiet(): Surroundings {
  const ignored = { add() {}, record() {} }
  return {
    clock: { nowMs: () => NOW_MS },
    fetch: () => Promise.reject(new Error('no network here')),
    recorder: { wants: () => false, record: () => true, async close() {} },
    meter: { createCounter: () => ignored, createHistogram: () => ignored, createGauge: () => ignored },
  }
}

/** What a TLS socket brings, without one. */
export function connectionOf({ leaf, intermediate }: Chain): Connection {
  return {
    transport: 'tls',
    remoteAddress: '192.0.2.1',
    serverName: null,
    resumed: false,
    certificateRequested: true,
    proxyAddress: null,
    socketAccess: () => null,
    presented: () => ({ kind: 'certificate', leaf, intermediates: [intermediate] }),
  }
}

export function inboundOver(connection: Connection): Inbound {
  return {
    protocol: 'http/1.1',
    method: 'GET',
    target: '/',
    authority: 'localhost',
    connection,
    rawHeaders: [],
    clientAddress: connection.remoteAddress,
    bodyRead: false,
    header: () => null,
  }
}
