import { type Authorizer, kindOf, MisuseError, type Principal, refuse } from '@countersign/core'
import { compileRule } from './compile-rule.js'
import type { Rule } from './rule.js'
import { createRuleBook } from './rule-book.js'

/**
 * Who may do what. A list denies whatever no entry allows; an entry that is a string is a caller allowed everything.
 * `'any-authenticated'` lets every proven caller do everything, `'anyone'` an anonymous one too. A finished {@link Authorizer} is taken as
 * it is.
 */
export type AuthorizeOption = 'any-authenticated' | 'anyone' | readonly (string | Rule)[] | Authorizer

/**
 * Makes the authorizer that stands behind the option `authorize`. Everything is compiled here; a decision then costs one look-up for a list
 * of callers.
 *
 * @example
 * const authorizer = createAuthorizer([
 *   'spiffe://prod.example/orders',
 *   { callers: { under: 'spiffe://prod.example/shop' }, methods: 'GET', paths: { under: '/invoices' } },
 *   { callers: { trustDomain: 'partner.example' }, paths: { under: '/admin' }, deny: true },
 * ])
 * @returns an authorizer that refuses with `ERR_FORBIDDEN`, or `ERR_SCOPE_INSUFFICIENT` where nothing but a scope of the token is missing.
 * @throws {MisuseError} `ERR_RULE_VACUOUS`, `ERR_OPTION_MISSING`, `ERR_OPTION_INVALID`, `ERR_OPTION_UNKNOWN` or `ERR_OPTION_CONTRADICTION`.
 */
export function createAuthorizer(authorize: AuthorizeOption): Authorizer {
  if (authorize === 'any-authenticated')
    return createPlainAuthorizer('every authenticated caller allowed everything', (principal) => isProven(principal))
  if (authorize === 'anyone') return createPlainAuthorizer('anyone allowed everything, proven or not', () => true)
  if (Array.isArray(authorize))
    return createRuleBook(Array.from(authorize, (entry: unknown, index) => compileRule(`authorize[${index}]`, entry)))
  if (isAuthorizer(authorize)) return authorize
  if (authorize === undefined)
    throw new MisuseError(
      'ERR_OPTION_MISSING',
      'authorize',
      "is required: name the callers, such as ['spiffe://prod.example/orders'], or write 'any-authenticated'",
    )
  if (typeof authorize === 'string' && /^spiffe:/i.test(authorize))
    throw new MisuseError('ERR_OPTION_INVALID', 'authorize', "takes a list of callers: put it in a list: ['spiffe://…']")
  throw new MisuseError(
    'ERR_OPTION_INVALID',
    'authorize',
    `takes a list such as ['spiffe://prod.example/orders'], 'any-authenticated', 'anyone' or an Authorizer, not ${kindOf(authorize)}`,
  )
}

/** A caller that some evidence vouches for. */
export function isProven(principal: Principal): boolean {
  return !principal.anonymous && principal.caller !== null
}

function createPlainAuthorizer(words: string, allows: (principal: Principal) => boolean): Authorizer {
  const forbidden = refuse('ERR_FORBIDDEN')
  return {
    authorize: (principal) => (allows(principal) ? null : forbidden),
    toString: () => words,
  }
}

// A function is no Authorizer, however true what it returns: verdicts are null or a Refusal.
function isAuthorizer(value: unknown): value is Authorizer {
  return typeof value === 'object' && value !== null && 'authorize' in value && typeof value.authorize === 'function'
}
