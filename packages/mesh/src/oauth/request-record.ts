import { quietly } from '@countersign/core'
import { tellIssued, tellNotIssued } from '../issue/tell-issued.js'
import type { MeshContext } from '../mesh-context.js'
import type { EndpointResult } from './endpoint.js'
import { type Rejection, rejectionRow } from './rejection.js'
import type { GrantName } from './token-endpoint.js'

/** Counts and writes down what became of requests. What cannot be written down decides nothing here. */
export interface RequestRecord {
  /**
   * @param grant of a request to the token endpoint; `null` for another endpoint, `'unknown'` for none of ours.
   * @param startMs when it came, by `performance.now()`.
   */
  finish(endpoint: string, grant: GrantName | 'unknown' | null, result: EndpointResult, startMs: number): void
}

const MISUSED = 'the authorization server stands behind a body parser: mount it before every other middleware'

/** Makes the record of a server. The precise code goes to the recorder; labels are of fixed sets. */
export function createRequestRecord(context: MeshContext): RequestRecord {
  const { figures, note } = context
  const requests = context.core.surroundings.meter.createCounter('token_requests_total', {
    description: 'Requests to the token endpoint, by grant and by what became of them: ok, or the error of the answer',
  })

  function writeDown(endpoint: string, { code, facts, cause }: Rejection, clientId: string | null): void {
    const { status, description } = rejectionRow(code)
    const severity = status === 503 ? 'error' : 'warn'
    const said = { endpoint, ...(clientId === null ? {} : { client: clientId }), ...facts }
    if (code === 'ERR_GUARD_BEHIND_BODY_PARSER') note('guard.misused', severity, MISUSED, said, code, cause)
    else if (endpoint === 'token') tellNotIssued(context, code, said, cause, severity)
    else note('token.refused', severity, description, said, code, cause)
  }

  return {
    finish(endpoint, grant, result, startMs) {
      quietly(() => {
        if (grant === null) return
        requests.add(1, { grant, status: result.rejection === null ? 'ok' : rejectionRow(result.rejection.code).error })
        figures.took('authenticate', startMs)
      })
      quietly(() => {
        if (result.rejection !== null) writeDown(endpoint, result.rejection, result.clientId)
        else if (result.outcome?.kind === 'issued') tellIssued(context, result.outcome.service, result.outcome.facts)
        else if (result.outcome?.kind === 'revoked') note('evidence.revoked', 'info', 'A client revoked a token', result.outcome.facts)
      })
    },
  }
}
