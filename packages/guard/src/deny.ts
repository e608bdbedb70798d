import { CODES, type Code, catalogueEntry, type Denial, type Headers, type Problem, problemType, type Refusal } from '@countersign/core'

export interface DenialOptions {
  readonly exposeDetails: boolean
  readonly problemTypeBase: string
}

/** Denials kept by their Retry-After: the seconds of a few minutes. Counted from the longest budget they would be endless. */
const MAX_RETRY_AFTERS = 512

/** Turns a refusal into what is sent. */
export type DenialMaker = (refusal: Refusal, headers?: Headers) => Denial

/**
 * Makes every denial that holds nothing of its request beforehand: refusing must cost an attacker more than us.
 */
export function createDenialMaker({ exposeDetails, problemTypeBase }: DenialOptions): DenialMaker {
  const prepared = new Map<Code, Denial>(CODES.map((code) => [code, denialOf(code, problemTypeBase, {}, {})]))
  const later = new Map<string, Denial>()

  function withRetryAfter(code: Code, seconds: number): Denial {
    const key = `${code} ${seconds}`
    const made = later.get(key)
    if (made !== undefined) return made
    if (later.size >= MAX_RETRY_AFTERS) later.clear()
    const denial = denialOf(code, problemTypeBase, { 'Retry-After': String(seconds) }, {})
    later.set(key, denial)
    return denial
  }

  return function denialFrom(refusal, headers) {
    const plain = prepared.get(refusal.code)
    const violated = refusal.code === 'ERR_QUOTA_EXCEEDED' ? refusal.facts['policies'] : undefined
    const retryAfterSeconds = refusal.facts['retryAfterSeconds']
    if (plain !== undefined && !exposeDetails && headers === undefined && violated === undefined) {
      return typeof retryAfterSeconds === 'number' ? withRetryAfter(refusal.code, retryAfterSeconds) : plain
    }
    const details = exposeDetails ? detailOf(refusal) : undefined
    return denialOf(
      refusal.code,
      problemTypeBase,
      { ...(typeof retryAfterSeconds === 'number' ? { 'Retry-After': String(retryAfterSeconds) } : {}), ...headers },
      { ...(details === undefined ? {} : { detail: details }), ...(Array.isArray(violated) ? { 'violated-policies': violated } : {}) },
    )
  }
}

function denialOf(code: Code, base: string, headers: Headers, members: Pick<Problem, 'detail' | 'violated-policies'>): Denial {
  const publicCode = catalogueEntry(code).publicCode as Code
  const { stage, status, title, challenge } = catalogueEntry(publicCode)
  const scheme = stage === 'api-key' ? API_KEY : BEARER
  const problem: Problem = Object.freeze({ type: problemType(publicCode, base), title, status, code: publicCode, ...members })
  const body = JSON.stringify(problem)
  return Object.freeze({
    allowed: false,
    code: publicCode,
    status,
    problem,
    body,
    headers: Object.freeze({
      'Content-Type': 'application/problem+json',
      'Content-Length': String(Buffer.byteLength(body)),
      // RFC 9111 §5.2.2.5: an answer about one caller's credentials is nobody else's.
      'Cache-Control': 'no-store',
      ...(challenge === null ? {} : { 'WWW-Authenticate': challenge === '' ? scheme : `${scheme}, error="${challenge}"` }),
      ...headers,
    }),
  })
}

// RFC 6750 §3: the challenge holds at least one parameter.
const BEARER = 'Bearer realm="countersign"'
// RFC 9110 §11.3; the scheme has no registration, and `realm` is the parameter that any may have (§11.5).
const API_KEY = 'ApiKey realm="countersign"'

function detailOf({ code, facts }: Refusal): string | undefined {
  const known = Object.entries(facts)
    .filter(([name]) => name !== 'retryAfterSeconds')
    .map(([name, value]) => `${name}: ${Array.isArray(value) ? value.join(', ') : String(value)}`)
  if (catalogueEntry(code).publicCode !== code) known.unshift(code)
  return known.length === 0 ? undefined : known.join('; ')
}
