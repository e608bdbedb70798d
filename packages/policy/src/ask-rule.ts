import { type Principal, type Refusal, refuse } from '@countersign/core'
import { createCallerMap } from './caller-match.js'
import type { CompiledRule } from './compile-rule.js'

/** Does an allowing rule match a caller who is known to be meant? `null`: yes. A refusal: but for a scope. `undefined`: no. */
export type Ask = (principal: Principal, method: string, path: string) => null | Refusal | undefined

/** Does a denying rule match? `readings` are all that a router may make of the path. */
export type Denies = (principal: Principal, method: string, readings: readonly string[]) => boolean

/** Compiles what a rule asks besides the callers that have a name of their own. */
export function compileAsk({ methods, paths, claims, scopes }: CompiledRule): Ask {
  const lacking = refuse('ERR_SCOPE_INSUFFICIENT', Object.freeze({ requiredScopes: scopes }))
  return function ask({ token }, method, path) {
    if (methods !== null && !methods.has(method)) return undefined
    if (paths !== null && !paths(path)) return undefined
    if (claims !== null && !claims(token)) return undefined
    if (scopes.length === 0) return null
    if (token === null) return undefined
    return scopes.every((scope) => token.scopes.has(scope)) ? null : lacking
  }
}

/** Asks rules until one allows. */
export function askAll(rules: readonly Ask[], principal: Principal, method: string, path: string): null | Refusal | undefined {
  let lacking: Refusal | undefined
  for (const ask of rules) {
    const answer = ask(principal, method, path)
    if (answer === null) return null
    lacking ??= answer
  }
  return lacking
}

/** Compiles a denying rule: it errs on the side of matching, by the caller as well as by whom the caller's token speaks for. */
export function compileDenies({ callers, methods, paths, claims }: CompiledRule): Denies {
  const meansCaller = compileMeansCaller(callers)
  return (principal, method, readings) =>
    (methods === null || methods.has(method)) &&
    (paths === null || readings.some(paths)) &&
    (claims === null || claims(principal.token)) &&
    meansCaller(principal)
}

function compileMeansCaller(callers: CompiledRule['callers']): (principal: Principal) => boolean {
  if (callers === null) return () => true
  const { subjects, families, anonymous } = callers
  const named = createCallerMap<true>()
  for (const name of callers.names) named.getOrMake(name, () => true)
  return function meansCaller(principal) {
    if (principal.anonymous) return anonymous
    const { token } = principal
    if (token !== null && subjects.some(({ issuer, subject }) => issuer === token.issuer && subject === token.subject)) return true
    for (const identity of [principal.caller, principal.subject]) {
      if (identity === null) continue
      if (named.get(identity) === true) return true
      if (identity.kind === 'spiffe' && families.some((isOf) => isOf(identity.value))) return true
    }
    return false
  }
}
