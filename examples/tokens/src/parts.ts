import type { AuthMesh } from '@countersign/mesh'
import { startAuthority } from './authority.js'
import { startBilling } from './billing.js'
import { startLedger } from './ledger.js'
import type { PartName, Running, Site } from './site.js'

/** What can run in a process of its own. */
export const PARTS: Readonly<Record<PartName, (site: Site, mesh: AuthMesh) => Promise<Running>>> = {
  authority: startAuthority,
  billing: startBilling,
  ledger: startLedger,
}
