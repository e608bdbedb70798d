import type { Mesh } from './credentials.js'
import { type Comparison, compareVariants, type RoundOptions } from './rounds.js'
import type { StackName } from './stacks/stacks.js'
import { table, verdict, written } from './table.js'

/** What stands in front of the handler under the name `peers`. */
export const PEERS: Readonly<Record<StackName, string>> = {
  express: 'client-certificate-auth + express-jwt + express-rate-limit',
  koa: '`getPeerCertificate()` + koa-jwt + koa-ratelimit',
  fastify: '`getPeerCertificate()` + @fastify/jwt + @fastify/rate-limit',
  'node:http': '`getPeerCertificate()` + jose, no quota',
}

const FRAMEWORKS: Readonly<Record<StackName, string>> = {
  express: 'Express 5',
  koa: 'Koa 3',
  fastify: 'Fastify 5',
  'node:http': 'node:http',
}

const TARGET_MICROS = 8
const TARGET_EXPRESS_RATIO = 1.1

/** Other ways to set the peers up that somebody may use. */
const OTHER_WAYS: Readonly<Record<StackName, readonly string[]>> = {
  express: ['peers-with-jwks-rsa'],
  koa: [],
  fastify: ['peers-with-token-cache'],
  'node:http': [],
}

/** A table of one framework, and whether Countersign keeps to its targets there. */
export async function httpBench(stack: StackName, mesh: Mesh, options: RoundOptions): Promise<string> {
  const comparisons = await compareVariants(stack, ['bare', 'countersign', 'peers', ...OTHER_WAYS[stack]], mesh, options)
  return [
    `### ${FRAMEWORKS[stack]}`,
    '',
    tableOf(comparisons, (variant) => labelOf(stack, variant)),
    '',
    verdictOf(stack, comparisons),
  ].join('\n')
}

/** A table of what each part of the guard costs on one framework. */
export async function breakdownBench(stack: StackName, parts: readonly string[], mesh: Mesh, options: RoundOptions): Promise<string> {
  const comparisons = await compareVariants(stack, ['bare', 'empty', ...parts], mesh, options)
  return [
    `### ${FRAMEWORKS[stack]}, part by part`,
    '',
    tableOf(comparisons, (variant) => (variant === 'empty' ? 'a middleware that does nothing' : variant)),
  ].join('\n')
}

function labelOf(stack: StackName, variant: string): string {
  switch (variant) {
    case 'bare':
      return 'bare'
    case 'peers':
      return PEERS[stack]
    case 'peers-with-jwks-rsa':
      return `${PEERS[stack]}, keys through jwks-rsa`
    case 'peers-with-token-cache':
      return `${PEERS[stack]}, with its token cache on`
    default:
      return '**Countersign**'
  }
}

function tableOf(comparisons: readonly Comparison[], label: (variant: string) => string): string {
  return table(
    ['', 'µs a request (10 % to 90 % of the rounds)', 'added µs [95 %]', '× bare [95 %]'],
    comparisons.map(({ variant, micros, spread, added, ratio }) => [
      label(variant),
      `${micros.toFixed(1)} (${spread[0].toFixed(1)} to ${spread[1].toFixed(1)})`,
      added === null ? '' : written(added, 1),
      ratio === null ? '' : written(ratio, 2),
    ]),
  )
}

function verdictOf(stack: StackName, comparisons: readonly Comparison[]): string {
  const ours = comparisons.find(({ variant }) => variant === 'countersign')
  if (ours?.added == null || ours.ratio === null) throw new TypeError('Countersign was not measured')
  const added = `Target: at most ${TARGET_MICROS} µs added: **${verdict(ours.added, TARGET_MICROS)}**.`
  if (stack !== 'express') return added
  return `${added} At most ${TARGET_EXPRESS_RATIO.toFixed(2)} × bare: **${verdict(ours.ratio, TARGET_EXPRESS_RATIO)}**.`
}
