import { reasonOf } from './in-time.js'
import type { CheckedRevocationsOptions } from './revocations-options.js'

/** Tells of the state of the list: figures every time, events once a change. */
export interface RevocationsReport {
  /** The store did not do what it was asked. */
  failed(error: unknown): void
  /** @param ageMs of the list as it is now. */
  beat(ageMs: number, entries: number): void
  /** @param aheadMs how far the store's clock is ahead of ours. @param uncertainMs that may be as much less or more. */
  clock(aheadMs: number, uncertainMs: number): void
}

export function createRevocationsReport({ recorder, meter, leaseMs, driftLimitSeconds }: CheckedRevocationsOptions): RevocationsReport {
  const age = meter.createGauge('revocation_list_age_seconds', {
    description: 'Since when what was revoked is not known any more',
    unit: 's',
  })
  const entryCount = meter.createGauge('revocation_list_entries', { description: 'Revocations that are alive' })
  const failures = meter.createCounter('state_store_failures_total', { description: 'What the state store did not do, by reason' })
  const skew = meter.createGauge('clock_skew_seconds', { description: 'How far the clock of the state store is ahead of ours', unit: 's' })
  let isDegraded = false
  let hasDrifted = false
  let lastReason = 'timeout'

  return {
    failed(error) {
      lastReason = reasonOf(error)
      failures.add(1, { reason: lastReason })
    },
    beat(ageMs, entries) {
      if (Number.isFinite(ageMs)) age.record(ageMs / 1000)
      entryCount.record(entries)
      const isLate = !(ageMs <= leaseMs)
      if (isLate === isDegraded) return
      isDegraded = isLate
      const kind = isLate ? 'state.degraded' : 'state.restored'
      if (!recorder.wants(kind)) return
      recorder.record({
        kind,
        severity: isLate ? 'error' : 'info',
        message: isLate
          ? 'What was revoked is not known any more: the state store has not answered for the length of the lease'
          : 'What was revoked is known again',
        facts: isLate ? { reason: lastReason } : {},
      })
    },
    clock(aheadMs, uncertainMs) {
      skew.record(aheadMs / 1000)
      const isApart = Math.abs(aheadMs) - uncertainMs > driftLimitSeconds * 1000
      if (isApart === hasDrifted) return
      hasDrifted = isApart
      if (!isApart || !recorder.wants('clock.drifted')) return
      recorder.record({
        kind: 'clock.drifted',
        severity: 'warn',
        message: 'The clocks of the state store and this process are apart',
        facts: { aheadSeconds: Math.round(aheadMs / 1000), limitSeconds: driftLimitSeconds },
      })
    },
  }
}
