import { quietly, stateReasonOf } from '@countersign/core'
import type { CheckedRevocationsOptions } from './revocations-options.js'

/** Tells of the state of the list: figures every time, events once a change. */
export interface RevocationsReport {
  /** The store did not do what it was asked. */
  failed(error: unknown): void
  /** @param ageMs of the list as it is now; not finite before its first answer, for which it has as long as for any other. */
  beat(ageMs: number, entries: number): void
  /** @param aheadMs how far the store's clock is ahead of ours. @param uncertainMs that may be as much less or more. */
  clock(aheadMs: number, uncertainMs: number): void
}

export function createRevocationsReport({
  recorder,
  meter,
  steadyMs,
  leaseMs,
  driftLimitSeconds,
}: CheckedRevocationsOptions): RevocationsReport {
  const age = meter.createGauge('revocation_list_age_seconds', {
    description: 'Since when what was revoked is not known any more',
    unit: 's',
  })
  const entryCount = meter.createGauge('revocation_list_entries', { description: 'Revocations that are alive' })
  const failures = meter.createCounter('state_store_failures_total', { description: 'What the state store did not do, by reason' })
  const skew = meter.createGauge('clock_skew_seconds', { description: 'How far the clock of the state store is ahead of ours', unit: 's' })
  const startedMs = steadyMs()
  let isDegraded = false
  let hasDrifted = false
  let lastReason = 'timeout'

  return {
    failed(error) {
      lastReason = stateReasonOf(error)
      quietly(() => failures.add(1, { reason: lastReason }))
    },
    beat(ageMs, entries) {
      quietly(() => {
        if (Number.isFinite(ageMs)) age.record(ageMs / 1000)
        entryCount.record(entries)
      })
      const silentMs = Number.isFinite(ageMs) ? ageMs : steadyMs() - startedMs
      const isLate = !(silentMs <= leaseMs)
      if (isLate === isDegraded) return
      isDegraded = isLate
      quietly(() => recorder.record(isLate ? { ...DEGRADED, facts: { reason: lastReason } } : RESTORED))
    },
    clock(aheadMs, uncertainMs) {
      quietly(() => skew.record(aheadMs / 1000))
      const isApart = Math.abs(aheadMs) - uncertainMs > driftLimitSeconds * 1000
      if (isApart === hasDrifted) return
      hasDrifted = isApart
      if (!isApart) return
      const facts = { aheadSeconds: Math.round(aheadMs / 1000), limitSeconds: driftLimitSeconds }
      quietly(() => recorder.record({ ...DRIFTED, facts }))
    },
  }
}

const DEGRADED = {
  kind: 'state.degraded',
  severity: 'error',
  message: 'What was revoked is not known any more: the state store has not answered for the length of the lease',
} as const
const RESTORED = { kind: 'state.restored', severity: 'info', message: 'What was revoked is known again', facts: {} } as const
const DRIFTED = { kind: 'clock.drifted', severity: 'warn', message: 'The clocks of the state store and this process are apart' } as const
