import { checkBoolean, checkKeys, checkList, checkText, isUnder, joinPath, MisuseError } from '@countersign/core'
import type { RouteOptions } from './options.js'
import { type Configured, compileRequirement, type EvidenceNeed, OPEN } from './requirement.js'

/** Finds what a request must bring. */
export type RouteTable = (method: string, path: string) => EvidenceNeed

interface Route {
  readonly methods: ReadonlySet<string> | null
  readonly need: EvidenceNeed
}

/**
 * Compiles the exceptions. An exact path wins over `under`, and an earlier entry over a later one.
 * @throws {MisuseError} for a route that would exempt more than one exact path.
 */
export function compileRoutes(routes: readonly RouteOptions[] | undefined, base: EvidenceNeed, configured: Configured): RouteTable {
  if (routes === undefined) return () => base
  const exact = new Map<string, Route[]>()
  const below: [prefix: string, route: Route][] = []
  checkList('routes', routes).forEach((options, index) => {
    const option = `routes[${index}]`
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
    const route: Route = { methods: methodsOf(joinPath(option, 'methods'), methods), need }
    if (typeof path === 'string') {
      const key = checkPath(joinPath(option, 'path'), path)
      const entries = exact.get(key)
      if (entries === undefined) exact.set(key, [route])
      else entries.push(route)
      return
    }
    checkKeys(joinPath(option, 'path'), path, ['under'])
    if (!need.isAtLeast(base)) {
      throw new MisuseError(
        'ERR_OPTION_CONTRADICTION',
        joinPath(option, 'path'),
        'an exemption is one exact path: write path: "/health" for each',
      )
    }
    below.push([checkPath(joinPath(option, 'path.under'), path.under), route])
  })
  if (below.length === 0 && exact.size === 0) return () => base

  return function needOf(method, path) {
    for (const route of exact.get(path) ?? []) if (route.methods === null || route.methods.has(method)) return route.need
    for (const [prefix, route] of below)
      if (isUnder(path, prefix) && (route.methods === null || route.methods.has(method))) return route.need
    return base
  }
}

function methodsOf(option: string, methods: unknown): ReadonlySet<string> | null {
  if (methods === undefined) return null
  return new Set(
    checkList(option, methods).map((method, index) => {
      const text = checkText(`${option}[${index}]`, method)
      if (text !== text.toUpperCase())
        throw new MisuseError('ERR_OPTION_INVALID', `${option}[${index}]`, `methods are upper case: write "${text.toUpperCase()}"`)
      return text
    }),
  )
}

function checkPath(option: string, path: unknown): string {
  const text = checkText(option, path)
  if (!text.startsWith('/') || /[?#*]|\/\.{1,2}(?:\/|$)|\/\//.test(text)) {
    throw new MisuseError(
      'ERR_OPTION_INVALID',
      option,
      'takes a path such as "/health": it begins with /, and has no query, wildcard, empty or dot segment',
    )
  }
  return text
}
