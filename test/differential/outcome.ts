import { isDeepStrictEqual } from 'node:util'
import { type Answer, fieldOf } from '../conformance/answer.js'

/** What of an answer must be the same on every adapter: all that a guard has a say in. */
export interface Outcome {
  readonly status: number
  /** Public code of a problem; `null` for what is none. */
  readonly code: string | null
  readonly body: string
  readonly fields: Readonly<Record<string, string | null>>
}

const TO_HEAD = 'a problem to HEAD'
const FIELDS = ['WWW-Authenticate', 'RateLimit', 'RateLimit-Policy', 'Retry-After'] as const

export function outcomeOf(answer: Answer): Outcome {
  const isProblem = fieldOf(answer, 'content-type') === 'application/problem+json'
  const named = /"code":"(\w+)"/.exec(answer.body)?.[1]
  return {
    status: answer.status,
    code: named ?? (isProblem ? TO_HEAD : null),
    // Where Node refuses a request before anybody can look at it, Fastify has words of its own for it.
    body: isProblem || answer.status === 200 ? answer.body : '',
    fields: Object.fromEntries([...FIELDS, ...(isProblem ? ['Cache-Control', 'Content-Length'] : [])].map((name) => [name, fieldOf(answer, name)])),
  }
}

/** In one word, for counting. */
export function classOf(outcomes: readonly Outcome[]): string {
  const [first] = outcomes
  if (first === undefined) return 'hung up on'
  if (first.status === 200) return 'let through'
  return first.code ?? `${first.status} of Node or the framework`
}

/**
 * What says the same in other words. The router of Fastify refuses escapes that it cannot decode before any hook runs: with 400 as
 * well. And where Node's parser finds that what comes next is no HTTP, it ends the connection, most often with a bare 400: whoever had not answered by then
 * never will, which is seen of those that always answer a turn later.
 * @param mayBreakOff there is something behind a request that Node may refuse to read.
 * @returns the outcomes that the reference has, if these are as good.
 */
export function asOthersSayIt(outcomes: readonly Outcome[], reference: readonly Outcome[], mayBreakOff: boolean): readonly Outcome[] {
  const alike = outcomes.map((outcome, at) => inSameWords(outcome, reference[at]))
  if (!mayBreakOff || alike.length > reference.length) return alike
  const last = alike.at(-1)
  const answered = last !== undefined && isBare(last) ? alike.slice(0, -1) : alike
  return answered.every((outcome, at) => isDeepStrictEqual(outcome, reference[at])) ? reference : alike
}

function inSameWords(outcome: Outcome, reference: Outcome | undefined): Outcome {
  if (outcome.status !== 400 || reference?.status !== 400) return outcome
  const refused = outcome.code === 'FST_ERR_BAD_URL' && reference.code === 'ERR_TARGET_NOT_CANONICAL'
  const refusedHead = outcome.code === null && reference.code === TO_HEAD
  return refused || refusedHead ? reference : outcome
}

function isBare({ status, code }: Outcome): boolean {
  return status === 400 && code === null
}
