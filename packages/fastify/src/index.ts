export { type ApiKey, type CertificateMetadata, type Code, MisuseError, type Peer, type Principal, type Token } from '@countersign/core'
export {
  type ApiKeyOptions,
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
export {
  principalSignal,
  protectServer,
  type SecureHttp2ServerOptions,
  type SecureServerOptions,
  secureHttp2Server,
  secureServer,
} from '@countersign/node'
export { type CountersignOptions, countersign } from './plugin.js'
