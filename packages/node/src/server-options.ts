import { checkBoolean, checkChoice, checkInteger, checkKeys, checkText, MisuseError } from '@countersign/core'
import type { Guard } from '@countersign/guard'
import { type CheckedProxyProtocol, checkProxyProtocol, type ProxyProtocolOptions } from './proxy-protocol-options.js'

/** What a secure server is made of. Its guard decides who may talk to it; certificates are asked for if the guard looks at them. */
export interface SecureServerOptions {
  /** PEM file: this server's own certificate, then its intermediates. Read again when it changes. */
  readonly cert: string
  /** PEM file: its private key, not encrypted. Read again when it changes; a pair that does not match is never used. */
  readonly key: string
  readonly guard: Guard
  readonly tls?: TlsOptions
  /**
   * TLS sessions may be resumed. Certificates are judged on resumed connections too, but only the leaf is there: intermediates must
   * then be known to the guard. Default `false`: every connection proves its key anew.
   */
  readonly resumption?: boolean
  /** A TLS handshake that takes longer is cut off. Default 10,000. */
  readonly handshakeTimeoutMs?: number
  /** An HTTP/1.1 request whose header section takes longer is cut off. Default 10,000. */
  readonly headersTimeoutMs?: number
  /** An HTTP/1.1 request that takes longer to arrive, with its body, is cut off. Default 60,000; raise it for long uploads. */
  readonly requestTimeoutMs?: number
  /** Larger header sections are answered with 431. Default 16,384. */
  readonly maxHeaderBytes?: number
  /**
   * What one client address (IPv6: one /64) may open; more is closed before any TLS work. `null`: unlimited, where every
   * connection comes from one load balancer that does not speak the PROXY protocol. Default: 100 handshakes a second, 200 at once, 1,000
   * connections.
   */
  readonly perAddress?: AddressLimitOptions | null
  /**
   * Load balancers that hand TLS on as it is. Each of their connections must begin with a PROXY header within `handshakeTimeoutMs`; the
   * address that it says is then the client's, for limits, quotas and audits. Default `null`: no connection may begin with one.
   */
  readonly proxyProtocol?: ProxyProtocolOptions | null
}

export interface SecureHttp2ServerOptions extends SecureServerOptions {
  /** Streams that one session may have open. Default 100 (RFC 9113 §6.5.2 recommends no less). */
  readonly maxConcurrentStreams?: number
}

export interface TlsOptions {
  /** Default `TLSv1.2`. */
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3'
  /** OpenSSL cipher list. Default: Node's. */
  readonly ciphers?: string
}

export interface AddressLimitOptions {
  /** Default 100. */
  readonly handshakesPerSecond?: number
  /** Default 200. */
  readonly handshakeBurst?: number
  /** Open at the same time. Default 1,000. */
  readonly connections?: number
}

/** {@link SecureHttp2ServerOptions}, checked once and complete. */
export interface CheckedServerOptions {
  readonly cert: string
  readonly key: string
  readonly guard: Guard
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3'
  readonly ciphers: string | null
  readonly resumption: boolean
  readonly handshakeTimeoutMs: number
  readonly headersTimeoutMs: number
  readonly requestTimeoutMs: number
  readonly maxHeaderBytes: number
  readonly perAddress: Required<AddressLimitOptions> | null
  readonly proxyProtocol: CheckedProxyProtocol | null
  readonly maxConcurrentStreams: number
}

const KEYS = [
  'cert',
  'key',
  'guard',
  'tls',
  'resumption',
  'handshakeTimeoutMs',
  'headersTimeoutMs',
  'requestTimeoutMs',
  'maxHeaderBytes',
  'perAddress',
  'proxyProtocol',
]
const HTTP2_KEYS = [...KEYS, 'maxConcurrentStreams']
const MIN_TIMEOUT_MS = 100
const MAX_TIMEOUT_MS = 3_600_000
const MIN_HEADER_BYTES = 1024
const MAX_HEADER_BYTES = 1_048_576
const MAX_PER_ADDRESS = 1_000_000
const MAX_STREAMS = 10_000

/** @throws {MisuseError} naming the option that is wrong, missing or unknown. */
export function checkServerOptions(options: SecureHttp2ServerOptions, protocol: 'http/1.1' | 'h2'): CheckedServerOptions {
  const given: unknown = options
  if (typeof given === 'object' && given !== null && 'ca' in given)
    throw new MisuseError('ERR_OPTION_UNKNOWN', 'ca', 'is not an option; trust anchors are in the guard: mtls.trust')
  checkKeys('', given, protocol === 'h2' ? HTTP2_KEYS : KEYS)
  const { tls = {}, perAddress = {}, proxyProtocol = null, headersTimeoutMs, requestTimeoutMs } = options
  checkKeys('tls', tls as unknown, ['minVersion', 'ciphers'])
  const checked = {
    cert: checkPath('cert', options.cert),
    key: checkPath('key', options.key),
    guard: checkGuard(options.guard),
    minVersion: checkChoice('tls.minVersion', tls.minVersion ?? 'TLSv1.2', ['TLSv1.2', 'TLSv1.3']),
    ciphers: tls.ciphers === undefined ? null : checkText('tls.ciphers', tls.ciphers),
    resumption: checkBoolean('resumption', options.resumption ?? false),
    handshakeTimeoutMs: checkInteger('handshakeTimeoutMs', options.handshakeTimeoutMs ?? 10_000, MIN_TIMEOUT_MS, MAX_TIMEOUT_MS),
    headersTimeoutMs: checkInteger('headersTimeoutMs', headersTimeoutMs ?? 10_000, MIN_TIMEOUT_MS, MAX_TIMEOUT_MS),
    requestTimeoutMs: checkInteger('requestTimeoutMs', requestTimeoutMs ?? 60_000, MIN_TIMEOUT_MS, MAX_TIMEOUT_MS),
    maxHeaderBytes: checkInteger('maxHeaderBytes', options.maxHeaderBytes ?? 16_384, MIN_HEADER_BYTES, MAX_HEADER_BYTES),
    perAddress: perAddress === null ? null : checkPerAddress(perAddress),
    proxyProtocol: proxyProtocol === null ? null : checkProxyProtocol(proxyProtocol),
    maxConcurrentStreams: checkInteger('maxConcurrentStreams', options.maxConcurrentStreams ?? 100, 1, MAX_STREAMS),
  }
  if (checked.headersTimeoutMs > checked.requestTimeoutMs)
    throw new MisuseError('ERR_OPTION_CONTRADICTION', 'headersTimeoutMs', 'is above requestTimeoutMs, which holds for the headers too')
  return Object.freeze(checked)
}

function checkPath(option: string, value: unknown): string {
  if (value === undefined)
    throw new MisuseError('ERR_OPTION_MISSING', option, `must be said: the path of a PEM file, such as '${option}.pem'`)
  const path = checkText(option, value)
  if (path.includes('-----BEGIN'))
    throw new MisuseError(
      'ERR_CREDENTIAL_UNREADABLE',
      option,
      'takes the path of a PEM file, and this looks like PEM text: write it to a file',
    )
  return path
}

function checkGuard(guard: unknown): Guard {
  if (guard === undefined) throw new MisuseError('ERR_OPTION_MISSING', 'guard', 'must be said: make one by createGuard({ … })')
  if (typeof guard === 'object' && guard !== null && 'decide' in guard && typeof guard.decide === 'function') return guard as Guard
  throw new MisuseError('ERR_OPTION_INVALID', 'guard', 'takes a finished guard: write guard: createGuard({ … })')
}

function checkPerAddress(options: AddressLimitOptions): Required<AddressLimitOptions> {
  const given: unknown = options
  checkKeys('perAddress', given, ['handshakesPerSecond', 'handshakeBurst', 'connections'])
  const check = (key: keyof AddressLimitOptions, fallback: number): number =>
    checkInteger(`perAddress.${key}`, options[key] ?? fallback, 1, MAX_PER_ADDRESS)
  return Object.freeze({
    handshakesPerSecond: check('handshakesPerSecond', 100),
    handshakeBurst: check('handshakeBurst', 200),
    connections: check('connections', 1000),
  })
}

/** @throws {MisuseError} `ERR_OPTION_MISSING` unless there is something to guard: Node would take the request and never answer it. */
export function checkListener(listener: unknown, maker: 'secureServer' | 'secureHttp2Server'): void {
  if (typeof listener !== 'function') throw new MisuseError('ERR_OPTION_MISSING', 'listener', `must be given: ${maker}({ … }, app)`)
}
