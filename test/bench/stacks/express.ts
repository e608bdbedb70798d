import { createServer } from 'node:https'
import express from 'express'
import type { Request as TokenRequest } from 'express-jwt'
import { ENDLESS } from '../guard-options.js'
import { AUDIENCE, CALLER_COMMON_NAME, ISSUER } from '../names.js'
import { INVOICES, issuerKey, type Stack, tlsOptions } from './stack.js'

export const expressStack: Stack = async (protection, credentials) => {
  const app = express()
  if (protection.kind === 'empty') app.use((_req, _res, next) => next())
  if (protection.kind === 'countersign') {
    const { countersign } = await import('@countersign/express')
    app.use(countersign(protection.options))
  }
  if (protection.kind === 'peers') {
    const { default: clientCertificateAuth } = await import('client-certificate-auth')
    const { expressjwt } = await import('express-jwt')
    const { rateLimit } = await import('express-rate-limit')
    app.use(clientCertificateAuth((certificate) => certificate.subject.CN === CALLER_COMMON_NAME))
    const secret =
      protection.way === 'with-jwks-rsa'
        ? (await import('jwks-rsa')).expressJwtSecret({
            jwksUri: `${ISSUER}/jwks`,
            cache: true,
            getKeysInterceptor: async () => [...credentials.jwks],
          })
        : issuerKey(credentials)
    app.use(expressjwt({ secret, algorithms: ['RS256'], issuer: ISSUER, audience: AUDIENCE }))
    app.use(
      rateLimit({
        windowMs: ENDLESS.windowSeconds * 1000,
        limit: ENDLESS.quota,
        standardHeaders: 'draft-8',
        legacyHeaders: false,
        keyGenerator: (req: TokenRequest) => req.auth?.sub ?? '',
      }),
    )
  }
  app.get('/invoices', (_req, res) => {
    res.json(INVOICES)
  })
  return createServer(tlsOptions(credentials), app)
}
