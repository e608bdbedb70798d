import { checkEntries, checkKeys, checkMethod, checkText, joinPath, MisuseError } from '@countersign/core'
import { type Callers, compileCallers } from './caller-match.js'
import { type ClaimsTest, compileClaims } from './claims-match.js'
import { compilePaths, type PathTest } from './path-match.js'

/** A rule, checked once. `null` stands for a part that was left out. */
export interface CompiledRule {
  /** Where it stands, such as `authorize[2]`: the only name that a rule has. */
  readonly name: string
  readonly deny: boolean
  readonly callers: Callers | null
  readonly methods: ReadonlySet<string> | null
  readonly paths: PathTest | null
  readonly scopes: readonly string[]
  readonly claims: ClaimsTest | null
  /** It asks for nothing but the caller. */
  readonly callersOnly: boolean
}

const PARTS = ['callers', 'methods', 'paths', 'scopes', 'claims'] as const
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+$/ // RFC 6749 §3.3 scope-token: no space, quote or backslash

/**
 * Compiles one entry of `authorize`.
 * @throws {MisuseError} `ERR_RULE_VACUOUS` for a rule without a part, `ERR_OPTION_UNKNOWN`, `ERR_OPTION_INVALID`,
 * `ERR_OPTION_CONTRADICTION`.
 */
export function compileRule(name: string, entry: unknown): CompiledRule {
  if (typeof entry === 'string') {
    return {
      name,
      deny: false,
      callers: compileCallers(name, entry),
      methods: null,
      paths: null,
      scopes: [],
      claims: null,
      callersOnly: true,
    }
  }
  checkKeys(name, entry, [...PARTS, 'deny'])
  for (const key of Object.keys(entry)) {
    // A part that vanished on its way here would make the rule match more, not less.
    if (entry[key] === undefined)
      throw new MisuseError('ERR_RULE_VACUOUS', joinPath(name, key), 'is undefined: give it a value, or leave the key out')
  }
  const { deny, callers, methods, paths, scopes, claims } = entry
  if (deny !== undefined && deny !== true)
    throw new MisuseError('ERR_OPTION_INVALID', joinPath(name, 'deny'), 'takes true: leave the key out of a rule that allows')
  if (!PARTS.some((part) => part in entry)) {
    throw new MisuseError(
      'ERR_RULE_VACUOUS',
      name,
      `names no part: it would ${deny === true ? 'deny' : 'allow'} everybody everything. Name ${PARTS.join(', ')}`,
    )
  }
  if (deny === true && scopes !== undefined) {
    throw new MisuseError(
      'ERR_OPTION_CONTRADICTION',
      joinPath(name, 'scopes'),
      'says what a caller must hold, in a rule that denies: put scopes into the rule that allows',
    )
  }
  return {
    name,
    deny: deny === true,
    callers: callers === undefined ? null : compileCallers(joinPath(name, 'callers'), callers),
    methods: methods === undefined ? null : compileMethods(joinPath(name, 'methods'), methods, deny === true),
    paths: paths === undefined ? null : compilePaths(joinPath(name, 'paths'), paths, deny === true ? 'folded' : 'exact'),
    scopes: scopes === undefined ? [] : compileScopes(joinPath(name, 'scopes'), scopes),
    claims: claims === undefined ? null : compileClaims(joinPath(name, 'claims'), claims),
    callersOnly: PARTS.every((part) => part === 'callers' || !(part in entry)),
  }
}

function compileMethods(option: string, value: unknown, deny: boolean): ReadonlySet<string> {
  const methods = new Set(checkEntries(option, value).map(([path, method]) => checkMethod(path, method)))
  return deny && methods.has('GET') ? methods.add('HEAD') : methods
}

function compileScopes(option: string, value: unknown): readonly string[] {
  if (!Array.isArray(value)) throw new MisuseError('ERR_OPTION_INVALID', option, 'takes a list: write ["the:scope"]')
  return Object.freeze(
    checkEntries(option, value).map(([path, scope]) => {
      const text = checkText(path, scope)
      if (!SCOPE.test(text))
        throw new MisuseError('ERR_OPTION_INVALID', path, 'takes one scope: printable ASCII without a space, quote or backslash')
      return text
    }),
  )
}
