import { type Authorizer, foldPath, type Identity, MisuseError, refuse, type Token } from '@countersign/core'
import { type Ask, askAll, compileAsk, compileDenies } from './ask-rule.js'
import { type Callers, createCallerMap } from './caller-match.js'
import type { CompiledRule } from './compile-rule.js'

/** The allowing rules that name one caller, found in one step. */
interface Entry {
  /** One of them allows it everything: no other needs to be asked. */
  everything: boolean
  readonly rules: Ask[]
}

/** An allowing rule for callers that it does not name: those of some families of SPIFFE IDs, or with `null` everybody. */
interface OpenRule {
  readonly families: Callers['families'] | null
  readonly ask: Ask
}

const newEntry = (): Entry => ({ everything: false, rules: [] })

/**
 * Makes an authorizer of compiled rules: what no rule allows is denied, and a denying rule wins.
 * @throws {MisuseError} `ERR_RULE_VACUOUS` for a list that allows nothing, or a rule that changes nothing.
 */
export function createRuleBook(rules: readonly CompiledRule[]): Authorizer {
  const allowing = rules.filter((rule) => !rule.deny)
  if (allowing.length === 0) {
    throw new MisuseError(
      'ERR_RULE_VACUOUS',
      'authorize',
      "allows nobody anything: name a caller, such as ['spiffe://prod.example/orders']",
    )
  }
  const forbidden = refuse('ERR_FORBIDDEN')
  const denying = rules
    .filter((rule) => rule.deny)
    .map((rule) => ({ denies: compileDenies(rule), refusal: refuse('ERR_FORBIDDEN', Object.freeze({ rule: rule.name })) }))
  const byName = createCallerMap<Entry>()
  const bySubject = new Map<string, Map<string, Entry>>()
  const open: OpenRule[] = []
  const anonymous: Ask[] = []
  for (const rule of allowing) enter(rule)
  for (const rule of allowing) checkNeeded(rule)
  const openTo = compileOpenRules(open)

  function enter(rule: CompiledRule): void {
    const { callers, callersOnly } = rule
    const ask = compileAsk(rule)
    if (callers === null) {
      open.push({ families: null, ask })
      return
    }
    for (const entry of [...callers.names.flatMap((name) => byName.getOrMake(name, newEntry)), ...callers.subjects.map(subjectEntry)]) {
      entry.everything ||= callersOnly
      entry.rules.push(ask)
    }
    if (callers.anonymous) anonymous.push(ask)
    if (callers.families.length > 0) open.push({ families: callers.families, ask })
  }

  function subjectEntry({ issuer, subject }: { readonly issuer: string; readonly subject: string }): Entry {
    const subjects = bySubject.get(issuer) ?? new Map<string, Entry>()
    const entry = subjects.get(subject) ?? newEntry()
    bySubject.set(issuer, subjects.set(subject, entry))
    return entry
  }

  // Whoever narrows down a caller that another entry allows everything believes it to be narrowed down.
  function checkNeeded({ name, callers, callersOnly }: CompiledRule): void {
    for (const caller of callersOnly ? [] : (callers?.names ?? [])) {
      if (!byName.getOrMake(caller, newEntry).some(({ everything }) => everything)) continue
      throw new MisuseError(
        'ERR_RULE_VACUOUS',
        name,
        `changes nothing for ${caller}, which another entry allows everything: remove one of the two`,
      )
    }
  }

  function entryOf(token: Token): Entry | undefined {
    return bySubject.get(token.issuer)?.get(token.subject)
  }

  // A caller without a certificate: the owner of a key, or the subject of a token.
  function entryOfCaller(caller: Identity): Entry | undefined {
    return byName.get(caller) ?? (caller.kind === 'subject' ? bySubject.get(caller.authority)?.get(caller.value) : undefined)
  }

  return {
    authorize(principal, { method }, path) {
      if (denying.length > 0) {
        const readings = foldPath(path)
        for (const { denies, refusal } of denying) if (denies(principal, method, readings)) return refusal
      }
      const { caller, token } = principal
      if (principal.anonymous || caller === null) return orForbidden(askAll(anonymous, principal, method, path))
      const named = entryOfCaller(caller)
      const spokenFor = token === null || bySubject.size === 0 ? undefined : entryOf(token)
      if (named?.everything === true || spokenFor?.everything === true) return null
      const answer = named === undefined ? undefined : askAll(named.rules, principal, method, path)
      if (answer === null) return null
      const answerForSubject = spokenFor === undefined || spokenFor === named ? undefined : askAll(spokenFor.rules, principal, method, path)
      if (answerForSubject === null) return null
      const answerForAll = askAll(openTo(caller), principal, method, path)
      if (answerForAll === null) return null
      return answer ?? answerForSubject ?? answerForAll ?? forbidden
    },
    toString: () => wordsOf(allowing, denying.length),
  }

  function orForbidden(answer: ReturnType<Ask>): ReturnType<Authorizer['authorize']> {
    return answer === undefined ? forbidden : answer
  }
}

/** Finds the open rules for a caller: once for each identity, which lives as long as its connection. */
function compileOpenRules(rules: readonly OpenRule[]): (caller: Identity) => readonly Ask[] {
  const everybody = rules.map(({ ask }) => ask)
  if (rules.every(({ families }) => families === null)) return () => everybody
  const kept = new WeakMap<Identity, readonly Ask[]>()
  return function openTo(caller) {
    const known = kept.get(caller)
    if (known !== undefined) return known
    const fitting = rules.filter(
      ({ families }) => families === null || (caller.kind === 'spiffe' && families.some((isOf) => isOf(caller.value))),
    )
    const asks = fitting.map(({ ask }) => ask)
    kept.set(caller, asks)
    return asks
  }
}

function wordsOf(allowing: readonly CompiledRule[], denying: number): string {
  const plain = allowing.filter(
    ({ callersOnly, callers }) => callersOnly && callers !== null && callers.names.length > 0 && isNamesOnly(callers),
  )
  const callers = plain.reduce((sum, rule) => sum + (rule.callers?.names.length ?? 0), 0)
  const rules = allowing.length - plain.length + denying
  const parts = [
    callers === 0 ? '' : `${callers} ${callers === 1 ? 'caller' : 'callers'} allowed`,
    rules === 0 ? '' : `${rules} ${rules === 1 ? 'rule' : 'rules'}`,
  ]
  return parts.filter((part) => part !== '').join(', ')
}

function isNamesOnly({ subjects, families, anonymous }: Callers): boolean {
  return subjects.length + families.length === 0 && !anonymous
}
