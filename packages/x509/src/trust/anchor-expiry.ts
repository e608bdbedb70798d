import type { Surroundings } from '@countersign/core'
import type { Trust } from './trust.js'

/** A gauge that is scraped every 15 s or so should have fallen since. */
const INTERVAL_MS = 60_000

/** Keeps the gauge `security_cert_expiry_seconds{kind="anchor"}`: seconds until the first of the anchors ends. */
export function watchAnchorExpiry(
  trust: Trust,
  { meter, clock }: Surroundings,
): { readonly record: () => void; readonly close: () => void } {
  const gauge = meter.createGauge('security_cert_expiry_seconds', { description: 'Until the first certificate of a kind ends', unit: 's' })

  function record(): void {
    const [first] = trust
      .all()
      .anchors.map((anchor) => anchor.certificate.notAfterMs)
      .sort((a, b) => a - b)
    if (first !== undefined) gauge.record(Math.floor((first - clock.nowMs()) / 1000), { kind: 'anchor' })
  }

  record()
  const timer = setInterval(record, INTERVAL_MS)
  timer.unref()
  return { record, close: () => clearInterval(timer) }
}
