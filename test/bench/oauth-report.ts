import type { Mesh } from './credentials.js'
import { compareVariants, type RoundOptions } from './rounds.js'
import { medianEstimate } from './statistics.js'
import { table, written } from './table.js'

const LABELS: Readonly<Record<string, string>> = {
  bare: 'node:https and one RS256 signature',
  countersign: '**Countersign**',
  peers: 'oidc-provider',
}

/** What a token endpoint takes for a token, as a section of the report. */
export async function oauthReport(mesh: Mesh, options: RoundOptions): Promise<string> {
  const comparisons = await compareVariants('oauth', ['bare', 'countersign', 'peers'], mesh, options)
  const samplesOf = (name: string): readonly number[] => comparisons.find(({ variant }) => variant === name)?.samples ?? []
  const peers = samplesOf('peers')
  const quotient = medianEstimate(samplesOf('countersign').map((micros, round) => micros / (peers[round] ?? Number.NaN)))
  return [
    table(
      ['client credentials by mutual TLS, RS256', 'µs a token (10 % to 90 % of the rounds)', '× bare [95 %]'],
      comparisons.map(({ variant, micros, spread, ratio }) => [
        LABELS[variant] ?? variant,
        `${micros.toFixed(0)} (${spread[0].toFixed(0)} to ${spread[1].toFixed(0)})`,
        ratio === null ? '' : written(ratio, 2),
      ]),
    ),
    `Countersign takes **${written(quotient, 2)} ×** what oidc-provider takes.`,
  ].join('\n\n')
}
