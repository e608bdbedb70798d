import { checkInteger, checkKeys, joinPath, MisuseError } from '@countersign/core'

/** How something that failed for no fault of the caller is tried again. */
export interface RetryOptions {
  /** How often at most, the first time included, 1 to 10. Default 3. */
  readonly attempts?: number
  /** The longest pause before the second attempt, 0 to 60. Each pause is a random part of it (full jitter). Default 5. */
  readonly delaySeconds?: number
  /** How much longer the next pause may be, 1 to 10. Default 2. */
  readonly factor?: number
  /** The longest that any pause may be, 0 to 300. Default 30. */
  readonly maxDelaySeconds?: number
  /** All attempts and pauses together, 1 to 600: no pause begins that would not end before. Default 30. */
  readonly deadlineSeconds?: number
}

/** {@link RetryOptions}, for all services and for some. */
export interface RetryPolicies extends RetryOptions {
  /** So many operations in a row that failed on all their attempts open the breaker, 1 to 1000: the next are not tried. Default 5. */
  readonly breakerFailures?: number
  /** How long it stays open, 1 to 600. One operation then tries for all. Default 10. */
  readonly breakerSeconds?: number
  /** By service id: what is said here counts for that service, the rest as above. Default: none. */
  readonly services?: Readonly<Record<string, RetryOptions>>
}

/** {@link RetryOptions}, checked. */
export interface RetryRules {
  readonly attempts: number
  readonly delayMs: number
  readonly factor: number
  readonly maxDelayMs: number
  readonly deadlineMs: number
}

export interface CheckedRetryPolicies {
  rulesOf(service: string | null): RetryRules
  readonly breakerFailures: number
  readonly breakerMs: number
}

const KEYS = ['attempts', 'delaySeconds', 'factor', 'maxDelaySeconds', 'deadlineSeconds']
const DEFAULTS: RetryRules = { attempts: 3, delayMs: 5000, factor: 2, maxDelayMs: 30_000, deadlineMs: 30_000 }

/** @throws {MisuseError} */
export function checkRetryPolicies(option: string, policies: unknown): CheckedRetryPolicies {
  checkKeys(option, policies, [...KEYS, 'breakerFailures', 'breakerSeconds', 'services'])
  const { breakerFailures = 5, breakerSeconds = 10, services = {}, ...general } = policies
  const usual = checkRetry(option, general, DEFAULTS)
  const path = joinPath(option, 'services')
  if (typeof services !== 'object' || services === null || Array.isArray(services))
    throw new MisuseError('ERR_OPTION_INVALID', path, 'takes an object by service id')
  const own = new Map(Object.entries(services).map(([id, rules]) => [id, checkRetry(`${path}[${JSON.stringify(id)}]`, rules, usual)]))
  return Object.freeze({
    rulesOf: (service: string | null) => (service === null ? usual : (own.get(service) ?? usual)),
    breakerFailures: checkInteger(joinPath(option, 'breakerFailures'), breakerFailures, 1, 1000),
    breakerMs: 1000 * checkInteger(joinPath(option, 'breakerSeconds'), breakerSeconds, 1, 600),
  })
}

/** @throws {MisuseError} */
export function checkRetry(option: string, retry: unknown, usual: RetryRules = DEFAULTS): RetryRules {
  checkKeys(option, retry, KEYS)
  const number = (key: string, otherwise: number, min: number, max: number): number =>
    checkInteger(joinPath(option, key), retry[key] ?? otherwise, min, max)
  return Object.freeze({
    attempts: number('attempts', usual.attempts, 1, 10),
    delayMs: 1000 * number('delaySeconds', usual.delayMs / 1000, 0, 60),
    factor: number('factor', usual.factor, 1, 10),
    maxDelayMs: 1000 * number('maxDelaySeconds', usual.maxDelayMs / 1000, 0, 300),
    deadlineMs: 1000 * number('deadlineSeconds', usual.deadlineMs / 1000, 1, 600),
  })
}
