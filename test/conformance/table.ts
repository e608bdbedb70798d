import type { AdapterName } from './adapters.js'
import type { Row } from './row.js'
import { FORWARDED_ROWS } from './rows-forwarded.js'
import { KEY_ROWS } from './rows-key.js'
import { PEER_ROWS } from './rows-peer.js'
import { PROOF_ROWS } from './rows-proof.js'
import { REQUEST_ROWS } from './rows-request.js'
import { SERVICE_ROWS } from './rows-service.js'
import { SESSION_ROWS } from './rows-session.js'
import { TOKEN_ROWS } from './rows-token.js'
import { isHttp2, type Transport } from './servers.js'

/** The one table, run against every adapter over every transport. */
export const TABLE: readonly Row[] = [
  ...PEER_ROWS,
  ...FORWARDED_ROWS,
  ...TOKEN_ROWS,
  ...PROOF_ROWS,
  ...KEY_ROWS,
  ...SESSION_ROWS,
  ...REQUEST_ROWS,
  ...SERVICE_ROWS,
]

/** Why a cell of adapter and transport cannot be run at all; `null`: it can. */
export function cellNotApplicable(adapter: AdapterName, transport: Transport): string | null {
  const express = adapter === 'express4' || adapter === 'express5'
  return express && isHttp2(transport) ? 'Express 4 and 5 do not run on HTTP/2: they replace the prototype of its requests' : null
}

/** Why a row cannot be run in a cell on this Node; `null`: it can. */
export function rowNotApplicable({ notApplicable = [] }: Row, adapter: AdapterName, transport: Transport): string | null {
  const found = notApplicable.find(
    ({ adapters, transports, node }) =>
      (adapters === undefined || adapters.includes(adapter)) &&
      (transports === undefined || transports.includes(transport)) &&
      (node === undefined || node.test(process.version)),
  )
  return found?.reason ?? null
}
