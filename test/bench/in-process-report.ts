import { resultOf } from './child.js'
import type { InProcessResult } from './in-process-bench.js'
import { table, verdict, written } from './table.js'

/** Decisions without a network, as a section of the report. */
export async function inProcessReport(quick: boolean): Promise<string> {
  const { cases, ratios } = await resultOf<InProcessResult>('./in-process-bench.js', quick ? ['--quick'] : [])
  return [
    table(
      ['', 'µs, median', '10 % to 90 % of the batches', 'signature checks'],
      cases.map(({ name, nanos, spread, checks }) => [
        name,
        (nanos / 1000).toFixed(2),
        `${(spread[0] / 1000).toFixed(2)} to ${(spread[1] / 1000).toFixed(2)}`,
        checks.toFixed(checks % 1 === 0 ? 0 : 2),
      ]),
    ),
    '',
    table(
      ['', 'ratio [95 %]', 'target', ''],
      ratios.map(({ words, estimate, most }) => [words, written(estimate, 2), `≤ ${most}`, verdict(estimate, most)]),
    ),
  ].join('\n')
}
