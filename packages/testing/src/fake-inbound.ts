import type { Connection, Inbound, Presented } from '@countersign/core'

/** What differs from a `GET /` on `localhost`, by HTTP/1.1 over TLS from `127.0.0.1`, without any evidence. */
export interface FakeInboundOptions extends Partial<Inbound> {
  /** What the caller presents in the handshake. Default: no certificate. */
  readonly presented?: Presented
  /** Header fields, by their names in lower case. */
  readonly fields?: Readonly<Record<string, string>>
}

/**
 * A request that no server has received: for a guard, or a verifier, that is asked directly. Each call makes a connection of its own, unless
 * it is given one.
 * @example
 * const decision = await guard.decide(fakeInbound({ target: '/invoices', fields: { authorization: `Bearer ${token}` } }))
 */
export function fakeInbound(options: FakeInboundOptions = {}): Inbound {
  const { presented = { kind: 'none' }, fields = {}, ...rest } = options
  return {
    protocol: 'http/1.1',
    method: 'GET',
    target: '/',
    authority: 'localhost',
    bodyRead: false,
    rawHeaders: Object.entries(fields).flat(),
    clientAddress: '127.0.0.1',
    header: (name) => (Object.hasOwn(fields, name) ? (fields[name] ?? null) : null),
    connection: fakeConnection({ presented: () => presented }),
    ...rest,
  }
}

/** A connection that is not there: by TLS from `127.0.0.1`, not resumed, asked for a certificate and without one. */
export function fakeConnection(changes: Partial<Connection> = {}): Connection {
  return {
    transport: 'tls',
    remoteAddress: '127.0.0.1',
    proxyAddress: null,
    serverName: null,
    resumed: false,
    certificateRequested: true,
    socketAccess: () => null,
    presented: () => ({ kind: 'none' }),
    ...changes,
  }
}
