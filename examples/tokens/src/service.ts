import { join } from 'node:path'
import { countersign, createGuard, type Principal, secureServer } from '@countersign/express'
import type { AuthMesh } from '@countersign/mesh'
import express from 'express'
import { type Caller, createCaller } from './caller.js'
import { end, listen } from './listen.js'
import { nameOf, type Running, SERVICES, type Site } from './site.js'

export interface Route {
  readonly method: 'get' | 'post'
  readonly path: string
  handle(principal: Principal, caller: Caller): Promise<object> | object
}

const ANNOUNCE_MS = 60_000

/** A service of the mesh: whoever calls it has a certificate, a token bound to it, and perhaps a user's session. */
export async function startService(site: Site, mesh: AuthMesh, id: string, route: Route): Promise<Running> {
  const guard = createGuard({
    mtls: { trust: join(site.folder, 'ca.pem'), denyList: mesh.revocations },
    jwt: mesh.jwt({ audience: id }),
    session: mesh.sessionVerifier({ service: id }),
    authorize: Object.keys(SERVICES).filter((caller) => SERVICES[caller]?.mayCall.includes(id)),
    audit: null,
  })
  const caller = createCaller(site, id)
  const app = express()
  app.use(countersign(guard))
  app[route.method](route.path, async (req, res) => {
    res.json(await route.handle(guard.principal(req), caller))
  })

  const files = { cert: join(site.folder, `${nameOf(id)}.pem`), key: join(site.folder, `${nameOf(id)}-key.pem`) }
  const server = secureServer({ ...files, guard }, app)
  await guard.ready()
  // Sessions are handed on to services that have proven themselves. Again and again: tokens end, are revoked, and stores lose what they hold.
  await caller.announce()
  const timer = setInterval(() => void caller.announce().catch(() => {}), ANNOUNCE_MS).unref()
  return {
    port: await listen(server),
    async close() {
      clearInterval(timer)
      caller.close()
      await end(server)
      await guard.close()
    },
  }
}
