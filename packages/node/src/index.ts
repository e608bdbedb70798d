export {
  type CertificateMetadata,
  type CertifiedPeer,
  type Code,
  type Connection,
  type Inbound,
  MisuseError,
  type Peer,
  type Principal,
  type Token,
} from '@countersign/core'
export {
  type AuditOptions,
  createGuard,
  createMeter,
  type Guard,
  type GuardOptions,
  type JwtOptions,
  type LimitOptions,
  type MtlsOptions,
  PROMETHEUS_CONTENT_TYPE,
  type Rule,
} from '@countersign/guard'
export { denialHeaders, type NodeResponse } from './carry-out.js'
export { type ClientTls, type ClientTlsCredential, createClientTls, type ServerJudge } from './client-tls.js'
export { connectionOf, type NodeRequest } from './connection.js'
export { decideRequest } from './decide-request.js'
export { inboundFrom } from './inbound.js'
export { countersign, type GuardedListener, guardRequest, type Listener } from './listener.js'
export { principalSignal } from './principal-signal.js'
export { protectServer } from './protect-server.js'
export type { ProxyProtocolOptions } from './proxy-protocol-options.js'
export { secureHttp2Server } from './secure-http2-server.js'
export { secureServer } from './secure-server.js'
export type { AddressLimitOptions, SecureHttp2ServerOptions, SecureServerOptions, TlsOptions } from './server-options.js'
