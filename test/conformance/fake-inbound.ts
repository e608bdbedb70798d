import type { Connection, Inbound, Presented } from '@countersign/core'

/** A request on a connection that is not there. Each call makes a connection of its own. */
export function fakeInbound(changes: Partial<Inbound> & { readonly presented?: Presented } = {}): Inbound {
  const { presented = { kind: 'none' }, ...rest } = changes
  const connection: Connection = {
    transport: 'tls',
    remoteAddress: '127.0.0.1',
    proxyAddress: null,
    serverName: null,
    resumed: false,
    certificateRequested: true,
    socketAccess: () => null,
    presented: () => presented,
  }
  return {
    protocol: 'http/1.1',
    method: 'GET',
    target: '/',
    authority: 'localhost',
    bodyRead: false,
    rawHeaders: [],
    clientAddress: '127.0.0.1',
    header: () => null,
    connection,
    ...rest,
  }
}
