import type { Guard } from '@countersign/guard'

/** Tells in time that a certificate runs out. */
export interface ExpiryWatch {
  /** Records the gauge, and reports a threshold that was passed since. Done by itself every minute. */
  check(): void
  close(): void
}

export interface ExpiringCertificate {
  readonly serialNumber: string
  readonly validFromMs: number
  readonly validToMs: number
}

const DAY_MS = 86_400_000
/** Days before the end at which it is said, each once a certificate. */
const THRESHOLD_DAYS = [30, 7, 1] as const
/** A threshold beyond this part of a certificate's lifetime would say of a fresh one that it ends soon. */
const MAX_PART = 1 / 3
/** When it is said of a certificate that lives too short for any of them: what renews in time has renewed by then. */
const SHORT_LIVED_PART = 1 / 10
const CHECK_INTERVAL_MS = 60_000

/**
 * Records the gauge `security_cert_expiry_seconds{kind="server"}` and reports `credential.expiring` 30 days, 7 days and 1 day before the end of a
 * certificate, and when it has come. Only those within the last third of its lifetime count; where none is, a tenth of it does.
 * @param current the certificate in use, asked at each check.
 */
export function watchExpiry(guard: Pick<Guard, 'nowMs' | 'meter' | 'report'>, current: () => ExpiringCertificate): ExpiryWatch {
  const gauge = guard.meter?.createGauge('security_cert_expiry_seconds', {
    description: 'Until the first certificate of a kind ends',
    unit: 's',
  })
  let told: { readonly serialNumber: string; readonly thresholdMs: number } | null = null

  function check(): void {
    const { serialNumber, validFromMs, validToMs } = current()
    const leftMs = validToMs - guard.nowMs()
    gauge?.record(Math.floor(leftMs / 1000), { kind: 'server' })
    const thresholdMs = thresholdsMs(validToMs - validFromMs).findLast((threshold) => leftMs <= threshold)
    if (thresholdMs === undefined || (told !== null && told.serialNumber === serialNumber && told.thresholdMs <= thresholdMs)) return
    told = { serialNumber, thresholdMs }
    guard.report({
      kind: 'credential.expiring',
      severity: thresholdMs > 0 && thresholdMs !== DAY_MS ? 'warn' : 'error',
      message: thresholdMs === 0 ? "the server's certificate has expired" : "the server's certificate is about to expire",
      facts: { serialNumber, daysLeft: Math.floor(leftMs / DAY_MS), notAfter: new Date(validToMs).toISOString() },
    })
  }

  check()
  const timer = setInterval(check, CHECK_INTERVAL_MS).unref()
  return { check, close: () => clearInterval(timer) }
}

/** Longest first. */
function thresholdsMs(lifetimeMs: number): readonly number[] {
  const fitting = THRESHOLD_DAYS.map((days) => days * DAY_MS).filter((threshold) => threshold <= lifetimeMs * MAX_PART)
  return [...(fitting.length === 0 ? [lifetimeMs * SHORT_LIVED_PART] : fitting), 0]
}
