import type { AuthMesh } from '@countersign/mesh'
import { startService } from './service.js'
import { BILLING, LEDGER, type Running, type Site } from './site.js'

/** In between: with a token of its own, and the session of the user handed on, it calls the next one. */
export function startBilling(site: Site, mesh: AuthMesh): Promise<Running> {
  return startService(site, mesh, BILLING, {
    method: 'post',
    path: '/invoices',
    async handle({ session }, caller) {
      if (session === null) return { booked: false }
      const token = await caller.token(LEDGER)
      const handed = await mesh.propagateSession({ session, from: BILLING, to: LEDGER })
      if (handed.refused) return { booked: false, code: handed.code }
      const headers = { authorization: `Bearer ${token}`, ...handed.headers }
      const { body } = await caller.send({ to: 'ledger', path: '/entries', headers })
      return { booked: true, ledger: body }
    },
  })
}
