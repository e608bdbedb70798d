import { type JsonObject, MisuseError, parseSpiffeId, type Refusal, refuse, type Surroundings } from '@countersign/core'
import type { Scheme } from './credentials.js'
import { createDpopProver } from './dpop/prover.js'
import { createHeaderMemory, type HeaderMemory } from './header-memory.js'
import type { IntrospectedIssuer } from './introspection/introspecting-verifier.js'
import { checkIntrospectedOptions, isIntrospected } from './introspection/options.js'
import type { KeyStore } from './key-store.js'
import { createKeyStore } from './keys.js'
import { checkJwtOptions, type IssuerRules } from './options.js'
import type { Prover } from './proof/prover.js'
import { createWptProver } from './wimse/prover.js'
import { trustDomainOf } from './wimse/workload-id.js'

/** One configured issuer: its rules and its keys. */
export interface Issuer extends IssuerRules {
  readonly keys: KeyStore
  /** Of tokens that come by another scheme than `Bearer`. */
  readonly prover: Prover | null
}

/** The configured issuers, and what holds for all of them before it is known whose a token is. */
export interface Issuers {
  readonly all: readonly Issuer[]
  /** The one whose tokens are not verified here: it is asked about them. */
  readonly introspected: IntrospectedIssuer | null
  readonly algorithms: ReadonlySet<string>
  readonly maxBytes: number
  /** Those that some token may come by. */
  readonly schemes: ReadonlySet<Scheme>
  readonly headers: HeaderMemory
  byName(name: string): Issuer | undefined
  /**
   * The issuer that the claims name, not verified. RFC 8725 §3.8: its keys, and no others, may verify the token. That of a Workload
   * Identity Token is its trust domain, whatever its `iss` says (draft-ietf-wimse-workload-creds-02 §3).
   */
  of(claims: JsonObject, scheme: Scheme): Issuer | Refusal
}

const NO_ISSUER = Object.freeze(refuse('ERR_TOKEN_CLAIM_MISSING', Object.freeze({ claim: 'iss' })))
const BAD_ISSUER = Object.freeze(refuse('ERR_TOKEN_CLAIM_INVALID', Object.freeze({ claim: 'iss' })))
const NO_SUBJECT = Object.freeze(refuse('ERR_TOKEN_CLAIM_MISSING', Object.freeze({ claim: 'sub' })))
const BAD_SUBJECT = Object.freeze(refuse('ERR_TOKEN_SUBJECT'))
const UNKNOWN_ISSUER = Object.freeze(refuse('ERR_TOKEN_ISSUER'))

/**
 * Reads the options of all issuers.
 * @throws {MisuseError} for a wrong option, and for two entries of one issuer, since a token could choose between them.
 */
export function createIssuers(options: unknown, surroundings: Surroundings): Issuers {
  const list: readonly unknown[] = Array.isArray(options) ? options : [options]
  if (list.length === 0) throw new MisuseError('ERR_OPTION_INVALID', 'jwt', 'takes at least one issuer; write null to look at no token')
  const checked = list.map((entry, index) =>
    isIntrospected(entry) ? checkIntrospectedOptions(pathOf(list, index), entry) : { rules: checkJwtOptions(pathOf(list, index), entry) },
  )
  const rules = checked.map((entry) => entry.rules)
  rules.forEach((entry, index) => {
    if (rules.findIndex((other) => other.issuer === entry.issuer && isWit(other) === isWit(entry)) === index) return
    throw new MisuseError('ERR_OPTION_CONTRADICTION', `${pathOf(list, index)}.issuer`, 'is named twice: write one entry an issuer')
  })

  const asked = checked.flatMap((entry) => ('introspection' in entry ? [entry] : []))
  if (asked[1] !== undefined) {
    const option = `${pathOf(list, rules.indexOf(asked[1].rules))}.introspection`
    throw new MisuseError('ERR_OPTION_CONTRADICTION', option, 'is the second one: a token does not say which of them to ask')
  }

  // Only now, with nothing left to throw for: stores may watch files.
  const all = rules.flatMap((entry, index): readonly Issuer[] => {
    if (isIntrospected(list[index])) return []
    const keys = createKeyStore(`${pathOf(list, index)}.keys`, keysOf(list[index]), entry, surroundings)
    return [Object.freeze({ ...entry, keys, prover: proverOf(entry, surroundings) })]
  })
  const byName = new Map(all.filter((issuer) => !isWit(issuer)).map((issuer) => [issuer.issuer, issuer]))
  const byTrustDomain = new Map(all.filter(isWit).map((issuer) => [issuer.issuer, issuer]))

  return {
    all,
    algorithms: new Set(all.flatMap((issuer) => [...issuer.algorithms])),
    maxBytes: Math.max(...rules.map((entry) => entry.maxBytes)),
    schemes: new Set([...all.flatMap(schemesOf), ...(asked.length === 0 ? [] : (['Bearer'] as const))]),
    introspected: asked[0] === undefined ? null : { ...asked[0], asksAboutAll: byName.size === 0 },
    headers: createHeaderMemory(),
    byName: (name) => byName.get(name),
    of(claims, scheme) {
      const { iss, sub } = claims
      if (scheme === 'WPT') {
        if (iss !== undefined && typeof iss !== 'string') return BAD_ISSUER
        if (typeof sub !== 'string') return NO_SUBJECT
        const trustDomain = trustDomainOf(sub)
        return trustDomain === null ? BAD_SUBJECT : (byTrustDomain.get(trustDomain) ?? UNKNOWN_ISSUER)
      }
      if (typeof iss === 'string') return byName.get(iss) ?? UNKNOWN_ISSUER
      if (iss !== undefined) return BAD_ISSUER
      // JWT-SVID §3 has no iss: the trust domain of the subject says whose keys they are.
      const spiffeId = typeof sub === 'string' ? parseSpiffeId(sub) : null
      const issuer = spiffeId === null ? undefined : byName.get(`spiffe://${spiffeId.trustDomain}`)
      return issuer?.type === 'jwt-svid' ? issuer : NO_ISSUER
    },
  }
}

function isWit({ type }: IssuerRules): boolean {
  return type === 'wit+jwt'
}

function schemesOf(rules: IssuerRules): readonly Scheme[] {
  if (rules.proof !== null) return ['WPT']
  return rules.dpop === null ? ['Bearer'] : ['Bearer', 'DPoP']
}

function proverOf({ dpop, proof, skewMs }: IssuerRules, { clock }: Surroundings): Prover | null {
  if (proof !== null) return createWptProver(proof, skewMs, clock)
  return dpop === null ? null : createDpopProver(dpop, clock)
}

function pathOf(list: readonly unknown[], index: number): string {
  return list.length === 1 ? 'jwt' : `jwt[${index}]`
}

function keysOf(options: unknown): unknown {
  return typeof options === 'object' && options !== null && 'keys' in options ? options.keys : undefined
}
