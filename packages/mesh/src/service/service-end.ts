import type { RevocationEntry } from '@countersign/core'
import type { MeshCore } from '../mesh-core.js'
import { registrationId, revocationEntry } from '../revocation-entry.js'
import type { RevocationReason } from '../revocation-reason.js'
import type { Registration } from './registrations.js'
import type { ServiceRecord } from './service-record.js'

/** A service that is deregistered. */
export interface ServiceEnd {
  readonly id: string
  readonly record: ServiceRecord
  readonly registration: Registration | undefined
  readonly nowMs: number
  readonly reason: RevocationReason
  readonly forGood: boolean
}

/** The first second that no token of a service bears yet: what is revoked before it takes all of them with it. Epoch milliseconds. */
export function secondAfter({ issuedAtMs, revokedBeforeMs }: ServiceRecord, nowMs: number): number {
  return 1000 * (1 + Math.floor(Math.max(nowMs, issuedAtMs, revokedBeforeMs - 1000) / 1000))
}

/** What is revoked with a service: its tokens, the certificates that it has shown, its API key. */
export function endOf(core: MeshCore, { id, record, registration, nowMs, reason, forGood }: ServiceEnd): readonly RevocationEntry[] {
  const beforeMs = secondAfter(record, nowMs)
  const facts = { nowMs, reason }
  const { apiKey = null, certificate } = registration ?? {}
  const certificates = new Set([record.certificate, certificate?.['x5t#S256'] ?? null])
  return [
    revocationEntry(core, registrationId(id, record.registration), facts),
    revocationEntry(core, ['service', id], forGood ? facts : { ...facts, issuedBeforeMs: beforeMs }),
    ...[...certificates].filter((one) => one !== null).map((one) => revocationEntry(core, ['certificate', one], facts)),
    ...(apiKey === null ? [] : [revocationEntry(core, ['token', apiKey.id], { ...facts, endMs: apiKey.expiresAtMs })]),
  ]
}
