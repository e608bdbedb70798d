import {
  type Challenge,
  CODES,
  type Code,
  catalogueEntry,
  type Denial,
  type Headers,
  type Inbound,
  type Problem,
  problemType,
  type Refusal,
} from '@countersign/core'

export interface DenialOptions {
  readonly exposeDetails: boolean
  readonly problemTypeBase: string
}

/** Denials kept by their Retry-After: the seconds of a few minutes. Counted from the longest budget they would be endless. */
const MAX_RETRY_AFTERS = 512

/** RFC 9110 §11.3; the scheme has no registration, and `realm` is the parameter that any may have (§11.5). */
export const API_KEY_CHALLENGE: Challenge = Object.freeze({
  scheme: 'ApiKey',
  parameters: 'realm="countersign"',
  errors: Object.freeze(['invalid_request']),
})

/** Turns a refusal of a request into what is sent. `headers` go along; without a request the challenges name no scheme that was used. */
export type DenialMaker = (refusal: Refusal, inbound?: Inbound, headers?: Headers) => Denial

/**
 * Makes every denial that holds nothing of its request beforehand: refusing must cost an attacker more than us.
 * @param challenges the schemes that credentials are accepted under. A 401 names them all; what is wrong is said under the one that was used
 * (RFC 9110 §11.6.1, RFC 9449 §7.2).
 */
export function createDenialMaker({ exposeDetails, problemTypeBase }: DenialOptions, challenges: readonly Challenge[]): DenialMaker {
  const schemes = challenges.map(({ scheme }) => scheme.toLowerCase())
  const prepared = new Map<string, Denial>()
  for (const code of CODES)
    for (const used of [null, ...schemes]) prepared.set(keyOf(code, used), denialOf(code, problemTypeBase, challengeOf(code, used), {}, {}))
  const later = new Map<string, Denial>()

  function withRetryAfter(code: Code, used: string | null, seconds: number): Denial {
    const key = `${keyOf(code, used)} ${seconds}`
    const made = later.get(key)
    if (made !== undefined) return made
    if (later.size >= MAX_RETRY_AFTERS) later.clear()
    const denial = denialOf(code, problemTypeBase, challengeOf(code, used), { 'Retry-After': String(seconds) }, {})
    later.set(key, denial)
    return denial
  }

  /** Of the schemes, the one that the request used. `null`: none of them, or there is no choice. */
  function schemeUsed(code: Code, inbound: Inbound | undefined): string | null {
    if (schemes.length < 2 || inbound === undefined || catalogueEntry(code).challenge === null) return null
    const field = inbound.header('authorization')
    if (typeof field !== 'string') return null
    return (
      schemes.find((scheme) => field.slice(0, scheme.length).toLowerCase() === scheme && /^(?: |$)/.test(field.charAt(scheme.length))) ??
      null
    )
  }

  function challengeOf(code: Code, used: string | null): string | null {
    const { challenge, stage } = catalogueEntry(catalogueEntry(code).publicCode as Code)
    if (challenge === null || challenges.length === 0) return null
    return challenges
      .map((one, index) => {
        // What is wrong with a key is said under its scheme, wherever the key stood; all else under that of the token.
        const isMeant =
          stage === 'api-key' ? one === API_KEY_CHALLENGE : one !== API_KEY_CHALLENGE && (used === null || used === schemes[index])
        return withError(one, isMeant ? challenge : '')
      })
      .join(', ')
  }

  return function denialFrom(refusal, inbound, headers) {
    const used = schemeUsed(refusal.code, inbound)
    const plain = prepared.get(keyOf(refusal.code, used))
    const violated = refusal.code === 'ERR_QUOTA_EXCEEDED' ? refusal.facts['policies'] : undefined
    const retryAfterSeconds = refusal.facts['retryAfterSeconds']
    if (plain !== undefined && !exposeDetails && headers === undefined && violated === undefined) {
      return typeof retryAfterSeconds === 'number' ? withRetryAfter(refusal.code, used, retryAfterSeconds) : plain
    }
    const details = exposeDetails ? detailOf(refusal) : undefined
    return denialOf(
      refusal.code,
      problemTypeBase,
      challengeOf(refusal.code, used),
      { ...(typeof retryAfterSeconds === 'number' ? { 'Retry-After': String(retryAfterSeconds) } : {}), ...headers },
      { ...(details === undefined ? {} : { detail: details }), ...(Array.isArray(violated) ? { 'violated-policies': violated } : {}) },
    )
  }
}

function keyOf(code: Code, used: string | null): string {
  return used === null ? code : `${code} ${used}`
}

/** RFC 9110 §11.6.1: a scheme and its parameters. An error that the scheme does not know is not said under it. */
function withError({ scheme, parameters, errors }: Challenge, error: string): string {
  const all = errors.includes(error) ? [parameters, `error="${error}"`] : [parameters]
  return [scheme, all.filter((part) => part !== '').join(', ')].filter((part) => part !== '').join(' ')
}

function denialOf(
  code: Code,
  base: string,
  challenge: string | null,
  headers: Headers,
  members: Pick<Problem, 'detail' | 'violated-policies'>,
): Denial {
  const publicCode = catalogueEntry(code).publicCode as Code
  const { status, title } = catalogueEntry(publicCode)
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
      ...(challenge === null ? {} : { 'WWW-Authenticate': challenge }),
      ...headers,
    }),
  })
}

function detailOf({ code, facts }: Refusal): string | undefined {
  const known = Object.entries(facts)
    .filter(([name]) => name !== 'retryAfterSeconds')
    .map(([name, value]) => `${name}: ${Array.isArray(value) ? value.join(', ') : String(value)}`)
  if (catalogueEntry(code).publicCode !== code) known.unshift(code)
  return known.length === 0 ? undefined : known.join('; ')
}
