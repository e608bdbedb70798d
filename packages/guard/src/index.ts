export { type AuditOptions, createMeter, type Logger, PROMETHEUS_CONTENT_TYPE, type PrometheusMeter } from '@countersign/audit'
export {
  type ApiKey,
  type Assurance,
  type CertificateMetadata,
  type CertifiedPeer,
  type Code,
  type Decision,
  type Denial,
  type Grant,
  type Identity,
  type Inbound,
  MisuseError,
  type Peer,
  type Principal,
  type Problem,
  type Token,
} from '@countersign/core'
export type { LimitOptions, Quota, QuotaPolicy } from '@countersign/limit'
export type { AuthorizeOption, CallerMatch, Rule } from '@countersign/policy'
export type { ApiKeyDirectory, ApiKeyOptions, ApiKeyRecord, IntrospectedOptions, JwtOptions, TokenIssuer } from '@countersign/token'
export type { MtlsOptions } from '@countersign/x509'
export { createGuard, toGuard } from './create-guard.js'
export type { CertificateRequest, Guard, Proven, TypedGuardOptions } from './guard.js'
export type { GuardOptions, Requirement, RouteOptions } from './options.js'
