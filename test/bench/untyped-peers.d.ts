// The parts that are used of peers that come without types.
declare module 'client-certificate-auth' {
  import type { RequestHandler } from 'express'

  const clientCertificateAuth: (check: (certificate: { readonly subject: { readonly CN?: string } }) => boolean) => RequestHandler
  export default clientCertificateAuth
}

declare module 'koa-ratelimit' {
  import type { Context, Middleware } from 'koa'

  const ratelimit: (options: {
    readonly driver: 'memory'
    readonly db: Map<string, unknown>
    readonly duration: number
    readonly max: number
    readonly id: (ctx: Context) => string
  }) => Middleware
  export default ratelimit
}
