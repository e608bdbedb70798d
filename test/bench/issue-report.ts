import { resultOf } from './child.js'
import type { IssueResult } from './issue-bench.js'
import { ISSUER_NAME } from './issue-names.js'
import { table, written } from './table.js'

/** Tokens made, as a section of the report. */
export async function issueReport(quick: boolean): Promise<string> {
  const result = await resultOf<IssueResult>('./issue-bench.js', quick ? ['--quick'] : [])
  return result
    .map(({ algorithm, times }) =>
      table(
        [`a token made, ${algorithm}`, 'CPU µs, median', '10 % to 90 % of the rounds', '÷ bare call [95 %]'],
        times.map(({ name, micros, spread, overBare }) => [
          name,
          micros.toFixed(1),
          `${spread[0].toFixed(1)} to ${spread[1].toFixed(1)}`,
          name === ISSUER_NAME.bare ? '' : written(overBare, 2),
        ]),
      ),
    )
    .join('\n\n')
}
