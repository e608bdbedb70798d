import type { Guard } from '@countersign/guard'

/** Tells in time that a certificate runs out. */
export interface ExpiryWatch {
  /** Records the gauge, and reports a threshold that was passed since. Done by itself every minute. */
  check(): void
  close(): void
}

export interface ExpiringCertificate {
  readonly serialNumber: string
  readonly validToMs: number
}

const DAY_MS = 86_400_000
/** Whole days before the end at which it is said, each once a certificate. */
const THRESHOLD_DAYS = [30, 7, 1, 0] as const
const CHECK_INTERVAL_MS = 60_000

/**
 * Records the gauge `security_cert_expiry_seconds{kind="server"}` and reports `credential.expiring` 30 days, 7 days and 1 day before the end of a
 * certificate, and when it has come.
 * @param current the certificate in use, asked at each check.
 */
export function watchExpiry(guard: Pick<Guard, 'nowMs' | 'meter' | 'report'>, current: () => ExpiringCertificate): ExpiryWatch {
  const gauge = guard.meter?.createGauge('security_cert_expiry_seconds', {
    description: 'Until the first certificate of a kind ends',
    unit: 's',
  })
  let told: { readonly serialNumber: string; readonly days: number } | null = null

  function check(): void {
    const { serialNumber, validToMs } = current()
    const leftMs = validToMs - guard.nowMs()
    gauge?.record(Math.floor(leftMs / 1000), { kind: 'server' })
    const days = THRESHOLD_DAYS.findLast((threshold) => leftMs <= threshold * DAY_MS)
    if (days === undefined || (told !== null && told.serialNumber === serialNumber && told.days <= days)) return
    told = { serialNumber, days }
    guard.report({
      kind: 'credential.expiring',
      severity: days > 1 ? 'warn' : 'error',
      message: days === 0 ? "the server's certificate has expired" : "the server's certificate is about to expire",
      facts: { serialNumber, daysLeft: Math.floor(leftMs / DAY_MS), notAfter: new Date(validToMs).toISOString() },
    })
  }

  check()
  const timer = setInterval(check, CHECK_INTERVAL_MS).unref()
  return { check, close: () => clearInterval(timer) }
}
