import type { MeshCore } from '../mesh-core.js'
import type { ServiceRecord } from './service-record.js'
import { nextServiceStatus, type ServiceChange, type ServiceStatus } from './service-status.js'

/**
 * How a service stands now: what its record says, what was revoked since, and what time has done. Each step is one of the table; one that
 * the table does not have changes nothing.
 */
export function serviceStatusAt(record: ServiceRecord, core: Pick<MeshCore, 'revocations' | 'skewMs'>, nowMs: number): ServiceStatus {
  let { status } = record
  for (const change of changesSince(record, core, nowMs)) status = nextServiceStatus(status, change) ?? status
  return status
}

function changesSince(
  record: ServiceRecord,
  { revocations, skewMs }: Pick<MeshCore, 'revocations' | 'skewMs'>,
  nowMs: number,
): ServiceChange[] {
  const { tokenId, certificate, kid, issuedAtMs, expiresAtMs, deregistered } = record
  if (deregistered) return ['deregister']
  if (tokenId === null) return []
  const changes: ServiceChange[] = []
  if (!(nowMs < expiresAtMs + skewMs)) changes.push('expire')
  if (kid !== null && revocations.has('key', kid, issuedAtMs)) changes.push('invalidate')
  if (certificate !== null && revocations.has('certificate', certificate, issuedAtMs)) changes.push('invalidate')
  if (revocations.has('token', tokenId, issuedAtMs)) changes.push('revoke')
  return changes
}
