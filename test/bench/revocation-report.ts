import { resultOf } from './child.js'
import type { RevocationResult } from './revocation-bench.js'
import { table, verdict, written } from './table.js'

const MOST_BYTES = 120
const MOST_LOOK_UP_NANOS = 100

/** A revocation set of a million entries, as a section of the report. */
export async function revocationReport(quick: boolean): Promise<string> {
  const result = await resultOf<RevocationResult>('./revocation-bench.js', quick ? ['--quick'] : [])
  const { entries, listBytes, storeBytes, loadMs, hitNanos, missNanos, warmNanos, addedNanos } = result
  return table(
    [`${entries.toLocaleString('en')} revoked tokens`, 'measured', 'target', ''],
    [
      [
        'memory of the list, bytes an entry beside its id',
        listBytes.toFixed(0),
        `≤ ${MOST_BYTES}`,
        listBytes <= MOST_BYTES ? 'kept' : 'missed',
      ],
      ['memory of the embedded store, bytes an entry beside its id', storeBytes.toFixed(0), '', ''],
      ['loading the whole list from the embedded store, ms', loadMs.toFixed(0), '', ''],
      ['`has`, revoked, ns [95 %]', written(hitNanos, 0), `≤ ${MOST_LOOK_UP_NANOS}`, verdict(hitNanos, MOST_LOOK_UP_NANOS)],
      ['`has`, not revoked, ns [95 %]', written(missNanos, 0), `≤ ${MOST_LOOK_UP_NANOS}`, verdict(missNanos, MOST_LOOK_UP_NANOS)],
      ['a warm decision with it, certificate and token, ns', warmNanos.toFixed(0), '', ''],
      ['of which it adds, ns [95 %]', written(addedNanos, 0), '', ''],
    ],
  )
}
