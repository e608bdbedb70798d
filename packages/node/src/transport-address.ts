/** Where a connection comes from. */
export interface TransportAddress {
  /** The client's: what a trusted proxy said of it, else the other end's. `null` without one. */
  readonly remoteAddress: string | null
  /** The other end's, where it is a proxy that has said `remoteAddress`, and has an address. */
  readonly proxyAddress: string | null
}

/** What of a socket is read: a TLS socket stands on the one that was accepted, and Node keeps that as `_parent`. */
export interface AddressedSocket {
  readonly remoteAddress?: string | undefined
  readonly _parent?: AddressedSocket | null
  [SAID]?: string
}

const SAID = Symbol('countersign.said-address')

/** Keeps what a trusted proxy said of the client on the socket that was accepted. */
export function keepSaidAddress(accepted: AddressedSocket, clientAddress: string): void {
  accepted[SAID] = clientAddress
}

/** @param socket one that was accepted, or the TLS socket on it. */
export function transportAddressOf(socket: AddressedSocket): TransportAddress {
  const said = socket[SAID] ?? socket._parent?.[SAID]
  const other = socket.remoteAddress ?? null
  return said === undefined ? { remoteAddress: other, proxyAddress: null } : { remoteAddress: said, proxyAddress: other }
}
