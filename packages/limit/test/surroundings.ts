import type { Connection, Identity, Inbound, Labels, Meter, Principal, Recorder, SecurityEvent, Token } from '@countersign/core'

/** A clock that goes when it is told to. */
export function createTestClock(startMs = 1_700_000_000_000) {
  let nowMs = startMs
  return {
    nowMs: () => nowMs,
    advanceMs(ms: number) {
      nowMs += ms
    },
    set(ms: number) {
      nowMs = ms
    },
  }
}

/** What a mechanism gets from the guard, with what it told of itself. */
export function createTestSurroundings(clock = createTestClock()) {
  const events: SecurityEvent[] = []
  const counts = new Map<string, number>()
  const note = (name: string) => ({
    add(value: number, labels: Labels = {}) {
      const key = [name, ...Object.entries(labels).flat()].join(' ')
      counts.set(key, (counts.get(key) ?? 0) + value)
    },
    record(value: number, labels: Labels = {}) {
      counts.set([name, ...Object.entries(labels).flat()].join(' '), value)
    },
  })
  const recorder: Recorder = {
    wants: () => true,
    record(event) {
      events.push(event)
      return true
    },
    async close() {},
  }
  const meter: Meter = { createCounter: note, createGauge: note, createHistogram: note }
  return { clock, recorder, meter, events, counts }
}

export function connectionFrom(remoteAddress: string | null, transport: Connection['transport'] = 'tls'): Connection {
  return {
    transport,
    remoteAddress,
    proxyAddress: null,
    serverName: null,
    resumed: false,
    certificateRequested: true,
    socketAccess: () => null,
    presented: () => ({ kind: 'none' }),
  }
}

export function inboundOn(connection: Connection, method = 'GET', target = '/', headers: Readonly<Record<string, string>> = {}): Inbound {
  return {
    protocol: 'http/1.1',
    method,
    target,
    authority: 'billing.example',
    rawHeaders: [],
    clientAddress: connection.remoteAddress,
    bodyRead: false,
    header: (name) => headers[name] ?? null,
    connection,
  }
}

/** A request of a client that a trusted proxy has named, on the proxy's connection. */
export function inboundFor(clientAddress: string | null, connection: Connection): Inbound {
  return { ...inboundOn(connection), clientAddress }
}

export const ANONYMOUS: Principal = Object.freeze({
  id: 'anonymous',
  anonymous: true,
  caller: null,
  subject: null,
  evidence: [],
  peer: null,
  token: null,
  apiKey: null,
  session: null,
  assurance: { provenance: null, tokenBound: false, resumed: false },
  expiresAtMs: Number.POSITIVE_INFINITY,
})

export function principalOf(
  kind: Identity['kind'],
  authority: string,
  value: string,
  claims: Readonly<Record<string, unknown>> | null = null,
): Principal {
  const caller = { kind, authority, value }
  const token: Token | null =
    claims === null
      ? null
      : {
          issuer: authority,
          subject: value,
          identity: caller,
          audience: [],
          scopes: new Set(),
          claims,
          boundTo: null,
          boundToKey: null,
          id: null,
          issuedAtMs: null,
          expiresAtMs: Number.POSITIVE_INFINITY,
        }
  return { ...ANONYMOUS, id: value, anonymous: false, caller, token, evidence: ['mtls'] }
}

export function workload(path: string, trustDomain = 'd'): Principal {
  return principalOf('spiffe', trustDomain, `spiffe://${trustDomain}${path}`)
}
