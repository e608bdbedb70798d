import {
  checkEntries,
  checkKeys,
  checkMethod,
  checkPath,
  compileIdentityMatch,
  foldPath,
  type Inbound,
  isUnder,
  joinPath,
  MisuseError,
  type Principal,
} from '@countersign/core'

/** Does a request count? */
export type OnlyTest = (principal: Principal, inbound: Inbound, path: string) => boolean

/**
 * Compiles the `only` of a quota policy.
 * @throws {MisuseError} `ERR_RULE_VACUOUS` if it names no part, or an empty list.
 */
export function compileOnly(option: string, value: unknown): OnlyTest {
  checkKeys(option, value, ['callers', 'methods', 'paths'])
  const { callers, methods, paths } = value
  if (callers === undefined && methods === undefined && paths === undefined)
    throw new MisuseError('ERR_RULE_VACUOUS', option, 'names no part: name callers, methods or paths, or leave only out')
  const countsCaller = callers === undefined ? null : compileCallers(joinPath(option, 'callers'), callers)
  const countsMethod = methods === undefined ? null : compileMethods(joinPath(option, 'methods'), methods)
  const countsPath = paths === undefined ? null : compilePaths(joinPath(option, 'paths'), paths)
  return (principal, inbound, path) =>
    (countsMethod === null || countsMethod.has(inbound.method)) &&
    (countsCaller === null || countsCaller(principal)) &&
    (countsPath === null || countsPath(path))
}

function compileCallers(option: string, value: unknown): (principal: Principal) => boolean {
  const tests = checkEntries(option, value).map(([path, match]) => compileIdentityMatch(path, match))
  return ({ caller }) => caller !== null && tests.some((test) => test(caller))
}

// Routers answer HEAD with the handler of GET, at the same cost.
function compileMethods(option: string, value: unknown): ReadonlySet<string> {
  const methods = new Set(checkEntries(option, value).map(([path, method]) => checkMethod(path, method)))
  return methods.has('GET') ? methods.add('HEAD') : methods
}

function compilePaths(option: string, value: unknown): (path: string) => boolean {
  const exact = new Set<string>()
  const prefixes: string[] = []
  for (const [path, match] of checkEntries(option, value)) {
    if (typeof match === 'string') {
      exact.add(fold(checkPath(path, match)))
      continue
    }
    checkKeys(path, match, ['under'])
    const prefix = checkPath(joinPath(path, 'under'), match['under'])
    if (prefix.endsWith('/'))
      throw new MisuseError(
        'ERR_OPTION_INVALID',
        joinPath(path, 'under'),
        'takes a path without a trailing slash; leave paths out to count every path',
      )
    prefixes.push(fold(prefix))
  }
  return (path) => foldPath(path).some((reading) => exact.has(reading) || prefixes.some((prefix) => isUnder(reading, prefix)))
}

function fold(path: string): string {
  return foldPath(path)[0] ?? path
}
