import type { AgentOptions } from 'node:https'
import { checkKeys, checkText, parseSpiffeId } from '@countersign/core'
import { parseCertificate } from '@countersign/x509'
import type { MeshContext } from '../mesh-context.js'
import { type OperationRefusal, refuseOperation } from '../operation-refusal.js'
import type { Registrations } from './registrations.js'

export interface ClientRequest {
  /** Who calls: a service that is registered here. */
  readonly service: string
  /** Who is called: a service that it may call, and whose certificate must say so. */
  readonly target: string
}

/** For `new https.Agent(options)`, or a single request: whoever answers must be the target. */
export type ClientTlsOptions = { readonly refused?: never } & AgentOptions

/**
 * Makes the options of outbound connections: the service's own certificate, and nobody at the other end but the target. Judged on every
 * handshake: a server whose certificate was revoked is refused on the next one.
 */
export function createClientOptions(
  { core, rules }: MeshContext,
  registrations: Registrations,
): (request: ClientRequest) => ClientTlsOptions | OperationRefusal {
  const { clock } = core.surroundings

  function flawOf(target: string, der: Uint8Array, isNamed: (host: string) => boolean): string | null {
    const certificate = parseCertificate(der)
    if (core.revocations.has('certificate', certificate['x5t#S256'], Number.NEGATIVE_INFINITY)) return 'ERR_PEER_REVOKED'
    // X.509-SVID §5.2: the SPIFFE ID says who answers, whatever the host is called.
    const isTarget = parseSpiffeId(target) === null ? isNamed(target) : certificate.spiffeId === target
    return isTarget ? null : 'ERR_PEER_NAME_NOT_PERMITTED'
  }

  return function clientOptions(request) {
    const given: unknown = request
    checkKeys('request', given, ['service', 'target'])
    const service = checkText('request.service', request.service)
    const target = checkText('request.target', request.target)
    const registration = registrations.get(service)
    if (registration === undefined) return refuseOperation('ERR_SERVICE_UNKNOWN', { reason: 'not-registered-here' })
    if (rules.services.get(target) === undefined) return refuseOperation('ERR_TARGET_UNKNOWN')
    if (rules.services.get(service)?.mayCall.includes(target) !== true) return refuseOperation('ERR_TARGET_FORBIDDEN')
    const { certificate, tls } = registration
    const nowMs = clock.nowMs()
    if (nowMs >= certificate.validTo.getTime()) return refuseOperation('ERR_SERVICE_UNPROVEN', { reason: 'expired' })
    if (core.revocations.has('certificate', certificate['x5t#S256'], nowMs))
      return refuseOperation('ERR_SERVICE_REVOKED', { reason: 'certificate' })
    return tls.optionsFor((der, isNamed) => flawOf(target, der, isNamed))
  }
}
