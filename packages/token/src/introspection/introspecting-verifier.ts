import {
  BEARER_CHALLENGE,
  type Finding,
  type Inbound,
  isRefusal,
  REPEATED,
  type Surroundings,
  type Token,
  type TokenVerifier,
} from '@countersign/core'
import { readOpaque } from '../bearer.js'
import { checkBinding } from '../binding.js'
import { tokenOf } from '../credentials.js'
import type { IssuerRules } from '../options.js'
import { sourceOf } from '../source-of.js'
import { WIT_FIELD } from '../wimse/credentials.js'
import { createIntrospector } from './introspector.js'
import type { IntrospectionRules } from './options.js'

/** The one issuer that is asked about its tokens. */
export interface IntrospectedIssuer {
  readonly rules: IssuerRules
  readonly introspection: IntrospectionRules
  /** It is asked about every token, since there is no issuer of JWTs. */
  readonly asksAboutAll: boolean
}

/**
 * Puts the issuer that is asked about its tokens beside those whose JWTs are verified here.
 * @param jwts judges whatever is not asked about.
 * @param count counts what became of a token.
 */
export function createIntrospectingVerifier(
  jwts: TokenVerifier,
  { rules, introspection, asksAboutAll }: IntrospectedIssuer,
  count: (status: string) => void,
  surroundings: Surroundings,
): TokenVerifier {
  const introspector = createIntrospector(rules, introspection, surroundings)
  const others = jwts.challenges ?? []
  const takesWits = others.some(({ scheme }) => scheme === 'WPT')

  /** The field of a token that is asked about, in its one spelling; `null` for any other. */
  function askedAbout(inbound: Inbound): string | null {
    // A workload's token came without its proof: nothing beside it counts.
    if (takesWits && inbound.header(WIT_FIELD) !== null) return null
    const field = inbound.header('authorization')
    return field === null || field === REPEATED ? null : readOpaque(field, rules.maxBytes, asksAboutAll)
  }

  function counted<Found extends Finding<Token> | undefined>(found: Found): Found {
    if (found !== undefined && found !== null) count(isRefusal(found) ? found.code : 'ok')
    return found
  }

  return {
    kind: 'jwt',
    recall(inbound) {
      const field = askedAbout(inbound)
      return field === null ? jwts.recall(inbound) : counted(introspector.recall(field, tokenOf(field), inbound.connection))
    },
    async verify(inbound, peer = null) {
      const field = askedAbout(inbound)
      if (field === null) return jwts.verify(inbound, peer)
      return counted(await introspector.verify(field, tokenOf(field), inbound.connection, sourceOf(inbound, peer)))
    },
    judge(token, inbound) {
      const judged = introspector.judge(token)
      return judged === undefined ? jwts.judge(token, inbound) : judged
    },
    bind(token, peer) {
      return token.issuer === rules.issuer ? checkBinding(token, peer, rules.binding) : jwts.bind(token, peer)
    },
    challenges: Object.freeze([BEARER_CHALLENGE, ...others.filter(({ scheme }) => scheme !== BEARER_CHALLENGE.scheme)]),
    ...(jwts.takesOwnField === undefined ? {} : { takesOwnField: jwts.takesOwnField }),
    ...(jwts.fieldsFor === undefined ? {} : { fieldsFor: jwts.fieldsFor }),
    ready: () => jwts.ready(),
    async close() {
      await Promise.all([jwts.close(), introspector.close()])
    },
    toString() {
      const asked = `tokens of ${rules.issuer} for ${rules.audience?.join(' or ') ?? 'any audience'}, asked about there`
      return asksAboutAll ? asked : `${jwts.toString()}, ${asked}`
    },
  }
}
