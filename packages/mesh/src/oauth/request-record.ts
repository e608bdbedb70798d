import { type Labels, quietly, type Surroundings } from '@countersign/core'
import type { EndpointResult } from './endpoint.js'
import type { Rejection } from './rejection.js'
import { rejectionRow } from './rejection.js'
import type { GrantName } from './token-endpoint.js'

/** Counts and writes down what became of requests. What cannot be written down decides nothing here. */
export interface RequestRecord {
  /** @param grant of a request to the token endpoint; `null` for another endpoint, `'unknown'` for none of ours. */
  finish(endpoint: string, grant: GrantName | 'unknown' | null, result: EndpointResult): void
}

/** Makes the record of a server. The precise code goes to the recorder; labels are of fixed sets. */
export function createRequestRecord({ recorder, meter }: Surroundings): RequestRecord {
  const requests = meter.createCounter('token_requests_total', {
    description: 'Requests to the token endpoint, by grant and by what became of them: ok, or the error of the answer',
  })
  const failures = meter.createCounter('service_auth_failed_total', {
    description: 'Services that did not prove who they are, by the code of the failure',
  })
  const successes = meter.createCounter('service_auth_successful_total', { description: 'Services that proved who they are' })

  function writeDown(endpoint: string, { code, facts, cause }: Rejection, clientId: string | null): void {
    if (!recorder.wants('token.refused')) return
    const { status, description } = rejectionRow(code)
    const isMisuse = code === 'ERR_GUARD_BEHIND_BODY_PARSER'
    recorder.record({
      kind: isMisuse ? 'guard.misused' : 'token.refused',
      severity: status === 503 ? 'error' : 'warn',
      code,
      message: isMisuse ? 'the authorization server stands behind a body parser: mount it before every other middleware' : description,
      facts: { endpoint, ...(clientId === null ? {} : { client: clientId }), ...facts },
      ...(cause === undefined ? {} : { cause }),
    })
  }

  return {
    finish(endpoint, grant, result) {
      const status = result.rejection === null ? 'ok' : rejectionRow(result.rejection.code).error
      quietly(() => {
        if (grant !== null) requests.add(1, { grant, status } satisfies Labels)
        if (result.rejection === null || result.clientId !== null) successes.add(1)
        else if (status === 'invalid_client') failures.add(1, { failure_reason: result.rejection.code })
      })
      quietly(() => {
        if (result.rejection !== null) writeDown(endpoint, result.rejection, result.clientId)
        else if (result.event !== null && recorder.wants(result.event.kind)) recorder.record({ ...result.event, severity: 'info' })
      })
    },
  }
}
