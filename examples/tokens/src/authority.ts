import { join } from 'node:path'
import { countersign, createGuard, MisuseError, secureServer } from '@countersign/express'
import { type AuthMesh, clientsFromServices, createAuthorizationServer } from '@countersign/mesh'
import express from 'express'
import { end, listen } from './listen.js'
import { OPERATOR, type Running, SERVICES, type Site } from './site.js'

/** Gives tokens to whoever proves by certificate to be a service of the mesh, and lets the operator revoke. */
export async function startAuthority({ folder }: Site, mesh: AuthMesh): Promise<Running> {
  const mtls = { trust: join(folder, 'ca.pem'), denyList: mesh.revocations }
  const tokens = createAuthorizationServer({ mesh, mtls, clients: clientsFromServices(SERVICES) })
  const guard = createGuard({ mtls, jwt: null, authorize: [OPERATOR], routes: tokens.routes, audit: null })

  const app = express()
  app.use(tokens.listener) // /token, /jwks and the others: clients prove themselves there
  app.use(countersign(guard))
  app.post('/revocations', express.json(), async (req, res) => {
    const { reason, ...what } = req.body ?? {}
    try {
      const revoked = await mesh.revoke(what, { reason })
      if (revoked.refused) res.status(409).json({ code: revoked.code })
      else res.status(201).json(revoked)
    } catch (error) {
      if (!(error instanceof MisuseError)) throw error
      res.status(400).json({ message: error.message })
    }
  })

  const server = secureServer({ cert: join(folder, 'authority.pem'), key: join(folder, 'authority-key.pem'), guard }, app)
  await Promise.all([tokens.ready(), guard.ready()])
  return {
    port: await listen(server),
    async close() {
      await end(server)
      await Promise.all([guard.close(), tokens.close()])
    },
  }
}
