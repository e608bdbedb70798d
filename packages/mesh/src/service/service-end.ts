import type { RevocationEntry } from '@countersign/core'
import { type MeshContext, rememberedUntil } from '../mesh-context.js'
import type { RevocationReason } from '../revocation-reason.js'
import type { Registration } from './registrations.js'
import { endedRegistration, FOR_GOOD_MS, type ServiceRecord } from './service-record.js'

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
export function endOf(context: MeshContext, { id, record, registration, nowMs, reason, forGood }: ServiceEnd): readonly RevocationEntry[] {
  const beforeMs = secondAfter(record, nowMs)
  const entry = (kind: RevocationEntry['kind'], of: string, endMs: number, issuedBeforeMs = Number.POSITIVE_INFINITY): RevocationEntry => ({
    kind,
    id: of,
    issuedBeforeMs,
    untilMs: rememberedUntil(context, endMs),
    revokedAtMs: nowMs,
    reason,
  })
  const { apiKey = null, certificate } = registration ?? {}
  const certificates = new Set([record.certificate, certificate?.['x5t#S256'] ?? null])
  return [
    entry('service', endedRegistration(id, record.registration), nowMs + FOR_GOOD_MS),
    forGood ? entry('service', id, nowMs + FOR_GOOD_MS) : entry('service', id, beforeMs + context.rules.maxTokenMs, beforeMs),
    ...[...certificates].filter((one) => one !== null).map((one) => entry('certificate', one, nowMs + FOR_GOOD_MS)),
    ...(apiKey === null ? [] : [entry('token', apiKey.id, apiKey.expiresAtMs)]),
  ]
}
