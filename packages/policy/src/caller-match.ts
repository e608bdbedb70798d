import { checkEntries, checkKeys, checkText, compileNameMatch, type Identity, joinPath, MisuseError } from '@countersign/core'

/** Whom the `callers` of a rule match, compiled. */
export interface Callers {
  readonly names: readonly string[]
  readonly subjects: readonly { readonly issuer: string; readonly subject: string }[]
  /** Questions about a SPIFFE ID. */
  readonly families: readonly ((spiffeId: string) => boolean)[]
  readonly anonymous: boolean
}

/** What is kept for a caller's name. A SPIFFE ID, a DNS name and any other name of a certificate are never the same caller. */
export interface CallerMap<T> {
  get(identity: Identity): T | undefined
  /** What is kept, or made now, for a name: one for each kind of name that a text like it can be. */
  getOrMake(name: string, make: () => T): readonly T[]
}

/** Words of `authorize` that nobody means as a name. */
const ALONE: readonly string[] = ['any-authenticated', 'anyone']

/**
 * Compiles `callers`.
 * @throws {MisuseError} `ERR_RULE_VACUOUS` for an empty list, `ERR_OPTION_INVALID` for what could never match or would match more than it
 * says.
 */
export function compileCallers(option: string, value: unknown): Callers {
  const names: string[] = []
  const subjects: { issuer: string; subject: string }[] = []
  const families: ((spiffeId: string) => boolean)[] = []
  let anonymous = false
  for (const [path, match] of checkEntries(option, value)) {
    if (typeof match === 'string') {
      if (ALONE.includes(match))
        throw new MisuseError('ERR_OPTION_INVALID', path, `is no caller: '${match}' stands alone, in place of the list of rules`)
      compileNameMatch(path, match)
      names.push(match)
      continue
    }
    checkKeys(path, match, ['under', 'trustDomain', 'issuer', 'subject', 'anonymous'])
    if ('anonymous' in match) {
      if (match['anonymous'] !== true || Object.keys(match).length > 1)
        throw new MisuseError('ERR_OPTION_INVALID', path, 'takes { anonymous: true }')
      anonymous = true
    } else if ('issuer' in match || 'subject' in match) {
      checkKeys(path, match, ['issuer', 'subject'])
      subjects.push({
        issuer: checkText(joinPath(path, 'issuer'), match['issuer']),
        subject: checkText(joinPath(path, 'subject'), match['subject']),
      })
    } else {
      families.push(compileNameMatch(path, match))
    }
  }
  return { names, subjects, families, anonymous }
}

/** Makes an empty {@link CallerMap}. */
export function createCallerMap<T>(): CallerMap<T> {
  const spiffe = new Map<string, T>()
  const dns = new Map<string, T>()
  const other = new Map<string, T>()

  return {
    get({ kind, value }) {
      if (kind === 'spiffe') return spiffe.get(value)
      // RFC 4343: letter case means nothing in a DNS name.
      if (kind === 'dns') return dns.get(value) ?? dns.get(value.toLowerCase())
      return kind === 'subject' ? undefined : other.get(value)
    },
    getOrMake(name, make) {
      if (name.startsWith('spiffe://')) return [keep(spiffe, name, make)]
      return [keep(dns, name.toLowerCase(), make), keep(other, name, make)]
    },
  }

  function keep(map: Map<string, T>, key: string, make: () => T): T {
    const kept = map.get(key) ?? make()
    map.set(key, kept)
    return kept
  }
}
