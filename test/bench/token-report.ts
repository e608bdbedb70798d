import { resultOf } from './child.js'
import { table, verdict, written } from './table.js'
import type { TokenResult } from './token-bench.js'
import { VERIFIER, WARM } from './token-names.js'

const MOST_COLD = 1.5
const MOST_WARM_NANOS = 1500

/** Tokens verified cold and recalled warm, as a section of the report. */
export async function tokenReport(quick: boolean): Promise<string> {
  const { cold, warm } = await resultOf<TokenResult>('./token-bench.js', quick ? ['--quick'] : [])
  const texts = cold.map(({ algorithm, times }) =>
    table(
      [`a token not seen before, ${algorithm}`, 'CPU µs, median', '10 % to 90 % of the rounds', '÷ bare call [95 %]', 'target', ''],
      times.map(({ name, micros, spread, overBare }) => [
        name,
        micros.toFixed(1),
        `${spread[0].toFixed(1)} to ${spread[1].toFixed(1)}`,
        name === VERIFIER.bare ? '' : written(overBare, 2),
        ...(name === VERIFIER.own ? [`≤ ${MOST_COLD}`, verdict(overBare, MOST_COLD)] : ['', '']),
      ]),
    ),
  )
  const lines = warm.map(({ name, nanos }) => [
    name,
    written(nanos, 0),
    ...(name === WARM.connection || name === WARM.elsewhere ? [`≤ ${MOST_WARM_NANOS}`, verdict(nanos, MOST_WARM_NANOS)] : ['', '']),
  ])
  return [...texts, table(['a token that was verified before', 'ns [95 %]', 'target', ''], lines)].join('\n\n')
}
