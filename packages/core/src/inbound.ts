/** Answer of {@link Inbound.header} where the request holds the field more than once. */
export const REPEATED: unique symbol = Symbol('countersign.repeated')

/** One request, as the guard sees it: what was on the wire, before a router or a parser touched it. */
export interface Inbound {
  readonly protocol: 'http/1.1' | 'h2'
  readonly method: string
  /** The request target as it was sent. */
  readonly target: string
  /** The request's authority (`Host`, `:authority`), lowercase, with its port; `null` if it sent none. */
  readonly authority: string | null | typeof REPEATED
  readonly connection: Connection
  /** Names and values of the header fields in turn, as they came: the list that `node:http` calls `rawHeaders`. */
  readonly rawHeaders: readonly string[]
  /**
   * The client's address: that of the connection, until a proxy that is trusted has said another. Written by whoever knows the proxy, before
   * anything is counted by it.
   */
  clientAddress: string | null
  /** Somebody has read the body, or parsed it, before the guard was asked. */
  readonly bodyRead: boolean
  /**
   * A header field by its lowercase name: its one value, `null` where it is absent, {@link REPEATED} where it stands more than
   * once, since what to do then is never the framework's to choose.
   */
  header(name: string): string | null | typeof REPEATED
}

/** The connection below a request. One object a connection, so facts about it are kept on it, each verifier under its own symbol. */
export interface Connection {
  readonly transport: 'tls' | 'tcp' | 'unix'
  /**
   * The other end's, or what a proxy that is trusted has said by the PROXY protocol. `null` on a Unix socket, and where the socket was gone
   * before it was read.
   */
  readonly remoteAddress: string | null
  /**
   * The address of the proxy that has said `remoteAddress`, and the same where it speaks for itself; `null` without one, and for one on a Unix
   * socket.
   */
  readonly proxyAddress: string | null
  /** SNI, lowercase; `null` if the client sent none. */
  readonly serverName: string | null
  readonly resumed: boolean
  /** The server asked for a client certificate in the handshake. */
  readonly certificateRequested: boolean
  /**
   * Of a Unix socket: who may connect to it, by the rights on its path (`owner` and `group` keep everybody else out). `null` for
   * another transport, and where it cannot be told.
   */
  socketAccess(): 'owner' | 'group' | 'anyone' | null
  /** Reads the socket, which is slow: verifiers call it once a connection and keep what they made of it. */
  presented(): Presented
  [fact: symbol]: unknown
}

/** What the handshake brought. Nothing in it is verified. */
export type Presented =
  | { readonly kind: 'certificate'; readonly leaf: Uint8Array; readonly intermediates: readonly Uint8Array[] }
  | { readonly kind: 'none' }
  | { readonly kind: 'unreadable'; readonly cause: unknown }
