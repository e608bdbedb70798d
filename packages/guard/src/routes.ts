import { checkBoolean, checkKeys, checkList, checkMethod, checkPath, foldPath, isUnder, joinPath, MisuseError } from '@countersign/core'
import type { RouteOptions } from './options.js'
import { bothOf, type Configured, compileRequirement, type EvidenceNeed, OPEN } from './requirement.js'

/** Finds what a request must bring. */
export type RouteTable = (method: string, path: string) => EvidenceNeed

interface Route {
  readonly methods: ReadonlySet<string> | null
  readonly need: EvidenceNeed
}

/** A route that demands what the guard does not, as a lenient router may find it. */
interface Demand {
  readonly path: string
  readonly under: boolean
  readonly methods: ReadonlySet<string> | null
  readonly need: EvidenceNeed
}

/**
 * Compiles the exceptions. An exact path wins over `under`, and an earlier entry over a later one. What a route demands beyond the guard
 * holds for other spellings of its path too (letter case, trailing slash, encoding), and for `HEAD` where it names `GET`; what it lets
 * go holds for the exact path alone.
 * @throws {MisuseError} for a route that would exempt more than one exact path.
 */
export function compileRoutes(routes: readonly RouteOptions[] | undefined, base: EvidenceNeed, configured: Configured): RouteTable {
  if (routes === undefined) return () => base
  const exact = new Map<string, Route[]>()
  const below: [prefix: string, route: Route][] = []
  const demands: Demand[] = []
  checkList('routes', routes).forEach((options, index) => {
    const option = `routes[${index}]`
    if (typeof options === 'string')
      throw new MisuseError('ERR_OPTION_INVALID', option, "takes an object: write { path: '/health', require: 'none' }")
    checkKeys(option, options, ['path', 'methods', 'require', 'encodedSlashes'])
    const { path, methods, require: requirement, encodedSlashes } = options as unknown as RouteOptions
    if (requirement === undefined && encodedSlashes === undefined) {
      throw new MisuseError('ERR_RULE_VACUOUS', option, "changes nothing: name what it requires, such as require: 'none'")
    }
    if (encodedSlashes !== undefined) checkBoolean(joinPath(option, 'encodedSlashes'), encodedSlashes)
    const need =
      requirement === undefined
        ? base
        : requirement === 'none'
          ? OPEN
          : compileRequirement(joinPath(option, 'require'), requirement, configured)
    // What vanished on its way here would widen the exception to every method.
    if ('methods' in options && methods === undefined)
      throw new MisuseError('ERR_OPTION_INVALID', joinPath(option, 'methods'), 'is undefined: name methods, or leave the key out')
    const route: Route = { methods: methodsOf(joinPath(option, 'methods'), methods), need }
    if (typeof path === 'string') {
      const key = checkPath(joinPath(option, 'path'), path)
      demand(key, false, route)
      const entries = exact.get(key)
      if (entries === undefined) exact.set(key, [route])
      else entries.push(route)
      return
    }
    if ((path as unknown) instanceof RegExp)
      throw new MisuseError('ERR_OPTION_INVALID', joinPath(option, 'path'), "a regular expression is not taken: write { under: '/…' }")
    checkKeys(joinPath(option, 'path'), path, ['under'])
    if (!need.isAtLeast(base)) {
      throw new MisuseError(
        'ERR_OPTION_CONTRADICTION',
        joinPath(option, 'path'),
        'an exemption is one exact path: write path: "/health" for each',
      )
    }
    const prefix = checkPath(joinPath(option, 'path.under'), path.under)
    demand(prefix, true, route)
    below.push([prefix, route])
  })
  if (below.length === 0 && exact.size === 0) return () => base

  function demand(path: string, under: boolean, { methods, need }: Route): void {
    if (base.isAtLeast(need)) return
    const covered = methods?.has('GET') === true ? new Set([...methods, 'HEAD']) : methods
    demands.push({ path: foldPath(path)[0] ?? path, under, methods: covered, need })
  }

  return function needOf(method, path) {
    for (const route of exact.get(path) ?? []) if (route.methods === null || route.methods.has(method)) return route.need
    for (const [prefix, route] of below)
      if (isUnder(path, prefix) && (route.methods === null || route.methods.has(method))) return route.need
    return demands.length === 0 ? base : demanded(demands, method, path, base)
  }
}

// Routers take `/ADMIN` and `/admin/` for `/admin`, so what `/admin` demands must be met there too.
function demanded(demands: readonly Demand[], method: string, path: string, base: EvidenceNeed): EvidenceNeed {
  const readings = foldPath(path)
  return demands
    .filter(({ methods }) => methods === null || methods.has(method))
    .filter((demand) => readings.some((reading) => (demand.under ? isUnder(reading, demand.path) : reading === demand.path)))
    .reduce((need, demand) => bothOf(need, demand.need), base)
}

function methodsOf(option: string, methods: unknown): ReadonlySet<string> | null {
  if (typeof methods === 'string') return new Set([checkMethod(option, methods)])
  return methods === undefined
    ? null
    : new Set(checkList(option, methods).map((method, index) => checkMethod(`${option}[${index}]`, method)))
}
