import { resultOf } from './child.js'
import { connectionMemory } from './connection-memory.js'
import type { Mesh } from './credentials.js'
import type { Flood } from './flood-memory.js'
import { table } from './table.js'

const MILLION = 1_000_000
const QUICK_FLOOD = 250_000
const CONNECTIONS = 600
const QUICK_CONNECTIONS = 200
/** The second half of a flood may not add more than this: what adds no more has a bound. */
const MOST_ADDED_BY_HALF_MB = 3
const TARGET_CONNECTION_BYTES = 4096

/** What is held after floods of tokens, callers and addresses, as a section of the report. */
export async function floodReport(quick: boolean): Promise<string> {
  const floods = await resultOf<readonly Flood[]>('./flood-memory.js', [String(quick ? QUICK_FLOOD : MILLION)])
  return table(
    ['', 'how many', 'MB before', 'half way', 'after', '', 'answers'],
    floods.map(({ name, count, heldMb: [before, half, after], answers }) => [
      name,
      count.toLocaleString('en'),
      before.toFixed(1),
      half.toFixed(1),
      after.toFixed(1),
      after - half <= MOST_ADDED_BY_HALF_MB ? 'bounded' : '**grows**',
      Object.entries(answers)
        .map(([code, times]) => `${code} ${times.toLocaleString('en')}`)
        .join(', '),
    ]),
  )
}

/** What an open connection keeps, as a section of the report. */
export async function connectionReport(mesh: Mesh, quick: boolean): Promise<string> {
  const measured = await connectionMemory(mesh, quick ? QUICK_CONNECTIONS : CONNECTIONS, quick ? 1 : 3)
  const { bare, certificate, certificateAndToken } = measured
  const over = (held: number): string => `${((held - bare) / 1024).toFixed(2)} KiB`
  return [
    table(
      [`${measured.connections} connections, each with its own certificate`, 'held by each', 'over bare'],
      [
        ['bare node:http', `${(bare / 1024).toFixed(2)} KiB`, ''],
        ['Countersign, certificates alone', `${(certificate / 1024).toFixed(2)} KiB`, over(certificate)],
        [
          'Countersign, certificates, quotas and a token of its own for each',
          `${(certificateAndToken / 1024).toFixed(2)} KiB`,
          over(certificateAndToken),
        ],
      ],
    ),
    '',
    `Target: at most 4 KiB a connection: **${certificate - bare <= TARGET_CONNECTION_BYTES ? 'kept' : 'missed'}** with certificates, **${certificateAndToken - bare <= TARGET_CONNECTION_BYTES ? 'kept' : 'missed'}** with a token for each.`,
  ].join('\n')
}
