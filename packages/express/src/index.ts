export type { CertificateMetadata, Code, Peer, Principal, Token } from '@countersign/core'
export { createGuard, type Guard, type GuardOptions } from '@countersign/guard'
export { principalSignal, protectServer, type SecureServerOptions, secureServer } from '@countersign/node'
export { countersign, type ExpressMiddleware } from './middleware.js'
