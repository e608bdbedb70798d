import type { AuthMesh } from '@countersign/mesh'
import { startService } from './service.js'
import { LEDGER, nameOf, type Running, type Site } from './site.js'

/** The last one: it tells who called, for whom, and over whom. */
export function startLedger(site: Site, mesh: AuthMesh): Promise<Running> {
  return startService(site, mesh, LEDGER, {
    method: 'get',
    path: '/entries',
    handle: ({ id, session }) => ({
      caller: nameOf(id),
      for: session?.subject ?? null,
      over: session?.actors.map(nameOf) ?? [],
    }),
  })
}
