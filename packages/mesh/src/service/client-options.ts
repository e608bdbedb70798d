import type { AgentOptions } from 'node:https'
import { checkServerIdentity, type PeerCertificate } from 'node:tls'
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
 * Makes the options of outbound connections: the service's own certificate, TLS 1.2 at least, and nobody at the other end but the target.
 * Judged on every handshake: a server whose certificate was revoked is refused, a session is never resumed past that.
 */
export function createClientOptions(
  { core, rules }: MeshContext,
  registrations: Registrations,
): (request: ClientRequest) => ClientTlsOptions | OperationRefusal {
  const { clock } = core.surroundings

  function flawOf(target: string, host: string, certificate: PeerCertificate): Error | undefined {
    const parsed = parseCertificate(certificate.raw)
    if (core.revocations.has('certificate', parsed['x5t#S256'], Number.NEGATIVE_INFINITY)) return flaw('ERR_PEER_REVOKED')
    if (parseSpiffeId(target) === null) return checkServerIdentity(target, certificate)
    // X.509-SVID §2, §5.2: the SPIFFE ID is the only URI, and it is who answers, whatever the host is called.
    return parsed.spiffeId === target && host !== '' ? undefined : flaw('ERR_PEER_NAME_NOT_PERMITTED')
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
    const { certificate, context } = registration
    const nowMs = clock.nowMs()
    if (nowMs >= certificate.validTo.getTime()) return refuseOperation('ERR_SERVICE_UNPROVEN', { reason: 'expired' })
    if (core.revocations.has('certificate', certificate['x5t#S256'], nowMs))
      return refuseOperation('ERR_SERVICE_REVOKED', { reason: 'certificate' })
    return {
      secureContext: context,
      minVersion: 'TLSv1.2',
      rejectUnauthorized: true,
      // What is resumed is not asked for its name again.
      maxCachedSessions: 0,
      checkServerIdentity: (host, answering) => {
        try {
          return flawOf(target, host, answering)
        } catch {
          return flaw('ERR_PEER_UNREADABLE')
        }
      },
    }
  }
}

function flaw(code: string): Error {
  return Object.assign(new Error(`The server is not the service that was called (${code})`), { code })
}
