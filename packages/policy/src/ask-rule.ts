import { type Identity, type Principal, type Refusal, refuse } from '@countersign/core'
import { type Callers, createCallerMap } from './caller-match.js'
import type { CompiledRule } from './compile-rule.js'

/** Does an allowing rule match a caller who is known to be meant? `null`: yes. A refusal: but for a scope. `undefined`: no. */
export type Ask = (principal: Principal, method: string, path: string) => null | Refusal | undefined

/** Does a denying rule match? `readings` are all that a router may make of the path. */
export type Denies = (principal: Principal, method: string, readings: readonly string[]) => boolean

/** Compiles what a rule asks besides the callers that have a name of their own. */
export function compileAsk({ methods, paths, claims, scopes }: CompiledRule): Ask {
  const lacking = refuse('ERR_SCOPE_INSUFFICIENT', Object.freeze({ requiredScopes: scopes }))
  return function ask(principal, method, path) {
    const { token } = principal
    if (methods !== null && !methods.has(method)) return undefined
    if (paths !== null && !paths(path)) return undefined
    if (claims !== null && !claims(token)) return undefined
    if (scopes.length === 0) return null
    if (token === null && principal.apiKey === null) return undefined
    return scopes.every((scope) => holdsScope(principal, scope)) ? null : lacking
  }
}

/** A key's scopes are its owner's alone: where a token speaks for somebody else, the token says what may be done. */
function holdsScope({ token, apiKey, subject }: Principal, scope: string): boolean {
  return token?.scopes.has(scope) === true || (subject === null && apiKey?.scopes.has(scope) === true)
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

function isSubject({ kind, authority, value }: Identity, { issuer, subject }: Callers['subjects'][number]): boolean {
  return kind === 'subject' && authority === issuer && value === subject
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
    for (const identity of [principal.caller, principal.subject, principal.apiKey?.owner ?? null]) {
      if (identity === null) continue
      if (subjects.some((match) => isSubject(identity, match))) return true
      if (named.get(identity) === true) return true
      if (identity.kind === 'spiffe' && families.some((isOf) => isOf(identity.value))) return true
    }
    return false
  }
}
