export type {
  Assurance,
  CertificateMetadata,
  Code,
  Decision,
  Denial,
  Grant,
  Identity,
  Inbound,
  Peer,
  Principal,
  Problem,
  Token,
} from '@countersign/core'
export { createGuard, toGuard } from './create-guard.js'
export type { CertificateRequest, Guard, Proven, TypedGuardOptions } from './guard.js'
export type { GuardOptions, Requirement, RouteOptions } from './options.js'
