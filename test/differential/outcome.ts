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
    fields: Object.fromEntries(
      [...FIELDS, ...(isProblem ? ['Cache-Control', 'Content-Length'] : [])].map((name) => [name, fieldOf(answer, name)]),
    ),
  }
}

/** In one word, for counting. */
export function classOf(outcomes: readonly Outcome[]): string {
  const [first] = outcomes
  if (first === undefined) return 'hung up on'
  if (first.status === 200) return 'let through'
  return first.code ?? `${first.status} of Node or the framework`
}

/** Why an adapter may answer in other words than the reference. */
export interface Leeway {
  /** There is something behind a request that Node's parser may refuse to read: whoever has not answered by then never will. */
  readonly brokenOff?: boolean
  /** A method that Node does not know: for Fastify there is no such route, whatever the path. */
  readonly unknownMethod?: boolean
}

/**
 * What says the same in other words. The router of Fastify refuses escapes that it cannot decode before any hook runs, with 400 as
 * well; Express on Node 24 and later answers 404 to an absolute target that `url.parse` throws at, before any middleware runs. None of it
 * lets a request through.
 * @returns the outcomes that the reference has, if these are as good.
 */
export function asOthersSayIt(outcomes: readonly Outcome[], reference: readonly Outcome[], leeway: Leeway): readonly Outcome[] {
  const alike = outcomes.map((outcome, at) => inSameWords(outcome, reference[at], leeway))
  if (leeway.brokenOff !== true || alike.length > reference.length) return alike
  const last = alike.at(-1)
  const answered = last !== undefined && isBare(last) ? alike.slice(0, -1) : alike
  return answered.every((outcome, at) => isDeepStrictEqual(outcome, reference[at])) ? reference : alike
}

function inSameWords(outcome: Outcome, reference: Outcome | undefined, { unknownMethod }: Leeway): Outcome {
  if (reference === undefined) return outcome
  if (unknownMethod === true && outcome.status === 404 && outcome.code === 'FST_ERR_NOT_FOUND') return reference
  if (reference.status !== 400) return outcome
  const notCanonical = reference.code === 'ERR_TARGET_NOT_CANONICAL' || reference.code === TO_HEAD
  if (outcome.status === 404 && outcome.code === null && notCanonical) return reference
  if (outcome.status !== 400) return outcome
  const refused = outcome.code === 'FST_ERR_BAD_URL' && reference.code === 'ERR_TARGET_NOT_CANONICAL'
  const refusedHead = outcome.code === null && reference.code === TO_HEAD
  return refused || refusedHead ? reference : outcome
}

function isBare({ status, code }: Outcome): boolean {
  return status === 400 && code === null
}
