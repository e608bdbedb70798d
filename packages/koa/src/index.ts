export type { CertificateMetadata, Code, Peer, Principal, Token } from '@countersign/core'
export { createGuard, type Guard, type GuardOptions } from '@countersign/guard'
export {
  principalSignal,
  protectServer,
  type SecureHttp2ServerOptions,
  type SecureServerOptions,
  secureHttp2Server,
  secureServer,
} from '@countersign/node'
export { countersign, type KoaContext, type KoaMiddleware } from './middleware.js'
