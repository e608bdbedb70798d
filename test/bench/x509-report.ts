import { resultOf } from './child.js'
import type { CrlResult } from './crl-bench.js'
import type { Estimate } from './statistics.js'
import { table, verdict, written } from './table.js'
import type { ColdTimes, X509Result } from './x509-bench.js'
import { COLD } from './x509-names.js'

const MOST_COLD = 1.5
const MILLION = 1_000_000
/** An object for every element: more takes minutes. */
const ENTRIES_FOR_PKIJS = 20_000
/** asn1js reads 10,000 elements unless it is told otherwise, which @peculiar/x509 has no way to: 3,300 entries. */
const ENTRIES_FOR_PECULIAR = 3000

/** Chains judged cold and warm, and a long CRL, as a section of the report. */
export async function x509Report(quick: boolean): Promise<string> {
  const { cold, warm } = await resultOf<X509Result>('./x509-bench.js', quick ? ['--quick'] : [])
  const texts = cold.flatMap(({ keys, times }) => [
    table(
      [
        `three certificates, ${keys}`,
        'CPU µs, median',
        '10 % to 90 % of the rounds',
        '÷ keys made before [95 %]',
        '÷ keys from numbers [95 %]',
        '÷ keys as they stand [95 %]',
      ],
      times.map(({ name, micros, spread, overReady, overNumbers, overBytes }) => [
        name,
        micros.toFixed(0),
        `${spread[0].toFixed(0)} to ${spread[1].toFixed(0)}`,
        ...[overReady, overNumbers, overBytes].map((estimate) => written(estimate, 2)),
      ]),
    ),
    ...times.flatMap((one) => (one.name === COLD.own || one.name === COLD.kept ? [targetOf(one)] : [])),
  ])
  const lines = warm.map(({ name, nanos, mostMicros }) => [
    name,
    written(nanos, 0),
    mostMicros === null ? '' : `≤ ${mostMicros * 1000}`,
    mostMicros === null ? '' : verdict(nanos, mostMicros * 1000),
  ])
  return [...texts, table(['a leaf that was verified before', 'ns [95 %]', 'target', ''], lines), await crlReport()].join('\n\n')
}

function targetOf({ name, overReady, overNumbers, overBytes }: ColdTimes): string {
  const words = (estimate: Estimate): string => `**${verdict(estimate, MOST_COLD)}**`
  return `${name}: at most ${MOST_COLD} × its bare \`crypto.verify\` calls: ${words(overReady)} with keys made before, ${words(overNumbers)} with keys made from their numbers, ${words(overBytes)} with keys as they stand in the certificates.`
}

async function crlReport(): Promise<string> {
  const rows: (readonly string[])[] = []
  for (const [name, reader, entries] of [
    ['Countersign, `parseRevocationList`', 'countersign', MILLION],
    ['Countersign, `parseRevocationList`', 'countersign', ENTRIES_FOR_PKIJS],
    ['pkijs 4, `CertificateRevocationList`, limits raised', 'pkijs', ENTRIES_FOR_PKIJS],
    ['Countersign, `parseRevocationList`', 'countersign', ENTRIES_FOR_PECULIAR],
    ['@peculiar/x509 2, `X509Crl`, which reads no longer ones', 'peculiar', ENTRIES_FOR_PECULIAR],
  ] as const) {
    const result = await resultOf<CrlResult>('./crl-bench.js', [reader, String(entries)])
    const { derMb, loadMs, heldMb, hitNanos, missNanos } = result
    rows.push([
      name,
      entries.toLocaleString('en'),
      derMb.toFixed(1),
      loadMs.toFixed(0),
      heldMb.toFixed(1),
      ((heldMb * 1e6) / entries).toFixed(0),
      (hitNanos / 1000).toFixed(2),
      (missNanos / 1000).toFixed(2),
    ])
  }
  return table(
    ['a CRL', 'entries', 'MB of DER', 'ms to load', 'MB held, DER included', 'bytes an entry', 'µs, found', 'µs, not found'],
    rows,
  )
}
