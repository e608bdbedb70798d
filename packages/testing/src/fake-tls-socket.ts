import { X509Certificate } from 'node:crypto'
import { type Duplex, duplexPair } from 'node:stream'
import { checkKeys, kindOf, MisuseError } from '@countersign/core'
import type { Workload } from './workload.js'

/** What the handshake is said to have brought. */
export interface FakeTlsSocketOptions {
  /** Whose certificate the client sent; `'unreadable'`: reading it throws, as it does for some keys. Default `null`: none. */
  readonly peer?: Workload | 'unreadable' | null
  /** Default `127.0.0.1`; `null`: gone, as on a closed or a Unix socket. */
  readonly remoteAddress?: string | null
  /**
   * A resumed session. It has the certificate of the full handshake without its intermediates, and `authorized` is true even
   * without any certificate, as on Node's TLS 1.3 sessions (nodejs/node#35317). Default `false`.
   */
  readonly resumed?: boolean
  /** SNI. Default `null`: none. */
  readonly serverName?: string | null
  /** The server asked for a certificate. Default `true`. */
  readonly certificateRequested?: boolean
  /** `false`: plain TCP, without anything of TLS. Default `true`. */
  readonly encrypted?: boolean
}

/** The server's end of a connection that is not there: a Duplex with what is read of a `TLSSocket`. */
export type FakeTlsSocket = Duplex & FakeTlsSurface

interface FakeTlsSurface {
  readonly encrypted: boolean
  readonly remoteAddress: string | undefined
  readonly servername: string | false
  readonly authorized: boolean
  readonly authorizationError: Error | null
  readonly alpnProtocol: string | false
  readonly _requestCert: boolean
  isSessionReused(): boolean
  getProtocol(): string
  getPeerX509Certificate(): X509Certificate | undefined
  getPeerCertificate(detailed?: boolean): object
  /** The client's end. */
  readonly [CLIENT_END]: Duplex
}

/** Where {@link inject} finds the other end of a fake socket. */
export const CLIENT_END = Symbol('countersign.testing.client-end')

const KEYS = ['peer', 'remoteAddress', 'resumed', 'serverName', 'certificateRequested', 'encrypted'] as const

/**
 * Makes a socket that a `node:http` server takes as a TLS connection, without any TLS: `server.emit('connection', socket)`, or
 * give it to `inject`. Its certificate is a real `crypto.X509Certificate`.
 */
export function fakeTlsSocket(options: FakeTlsSocketOptions = {}): FakeTlsSocket {
  const given: unknown = options
  checkKeys('options', given, KEYS)
  checkPeer(options.peer)
  const { peer = null, resumed = false, serverName = null, certificateRequested = true, encrypted = true } = options
  const remoteAddress = options.remoteAddress === undefined ? '127.0.0.1' : (options.remoteAddress ?? undefined)
  const [socket, clientEnd] = duplexPair()
  const authorized = encrypted && certificateRequested && (resumed || (peer !== null && peer !== 'unreadable'))
  const tls = {
    servername: serverName ?? (false as const),
    authorized,
    authorizationError: authorized ? null : new Error('UNABLE_TO_GET_ISSUER_CERT'),
    alpnProtocol: false as const,
    _requestCert: certificateRequested,
    isSessionReused: () => resumed,
    getProtocol: () => 'TLSv1.3',
    getPeerX509Certificate: () => certificateOf(peer, resumed),
    getPeerCertificate: () => certificateOf(peer, resumed)?.toLegacyObject() ?? {},
  }
  const surface = { encrypted, remoteAddress, remoteFamily: remoteAddress?.includes(':') === true ? 'IPv6' : 'IPv4', remotePort: 49_152 }
  Object.assign(clientEnd, NET_METHODS)
  breakTogether(socket, clientEnd)
  breakTogether(clientEnd, socket)
  return Object.assign(socket, NET_METHODS, surface, encrypted ? tls : {}, { [CLIENT_END]: clientEnd }) as FakeTlsSocket
}

// A pair passes an end on, but not a destruction: what a reset is on a network.
function breakTogether(end: Duplex, other: Duplex): void {
  end.once('close', () => {
    if (!end.writableFinished) other.destroy()
  })
}

/** Methods of `net.Socket` that http calls without a need for an effect here. */
const NET_METHODS = {
  setTimeout(this: Duplex) {
    return this
  },
  setNoDelay(this: Duplex) {
    return this
  },
  setKeepAlive(this: Duplex) {
    return this
  },
  ref(this: Duplex) {
    return this
  },
  unref(this: Duplex) {
    return this
  },
  address: () => ({ address: '127.0.0.1', family: 'IPv4', port: 443 }),
}

function certificateOf(peer: Workload | 'unreadable' | null, resumed: boolean): X509Certificate | undefined {
  if (peer === null) return undefined
  if (peer === 'unreadable') throw Object.assign(new Error('unsupported public key'), { code: 'ERR_OSSL_EVP_UNSUPPORTED' })
  const [leaf, ...issuers] = peer.chainDer.map((der) => new X509Certificate(der))
  let below = leaf
  if (!resumed) {
    for (const issuer of issuers) {
      if (below !== undefined) Object.defineProperty(below, 'issuerCertificate', { value: issuer })
      below = issuer
    }
  }
  return leaf
}

function checkPeer(peer: unknown): void {
  if (peer === undefined || peer === null || peer === 'unreadable') return
  if (typeof peer === 'object' && 'certificateDer' in peer && peer.certificateDer instanceof Uint8Array) return
  throw new MisuseError('ERR_OPTION_INVALID', 'options.peer', `takes a workload: write peer: mesh.workload('/orders'), not ${kindOf(peer)}`)
}
