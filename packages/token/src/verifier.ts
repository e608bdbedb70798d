import {
  type Finding,
  type Headers,
  type Inbound,
  isRefusal,
  type Refusal,
  refuse,
  type Surroundings,
  type Token,
  type TokenVerifier,
} from '@countersign/core'
import { appraise } from './appraisal.js'
import { checkBinding } from './binding.js'
import { challengesOf } from './challenges.js'
import { judgeTime } from './claims.js'
import { type CutJws, cutCompact } from './compact.js'
import { readCredentials, schemeOf, tokenOf } from './credentials.js'
import { createEntry, type Entry, judgeEntry } from './entry.js'
import { createEntryMemory } from './entry-memory.js'
import { createIntrospectingVerifier } from './introspection/introspecting-verifier.js'
import { createIssuers } from './issuer.js'
import { createMatcher } from './match-once.js'
import { Open } from './open-token.js'
import { createStatusCounter } from './status-counter.js'
import type { TokenIssuer } from './token-issuer.js'
import { witOf } from './wimse/credentials.js'

// A question to the issuer, its answer, a question once more: enough for any token.
const MAX_ROUNDS = 3

const WRONG_SIGNATURE = Object.freeze(refuse('ERR_TOKEN_SIGNATURE'))
const KEY_UNKNOWN = Object.freeze(refuse('ERR_TOKEN_KEY_UNKNOWN'))
const KEYS_UNAVAILABLE = Object.freeze(refuse('ERR_KEYS_UNAVAILABLE'))

/**
 * Verifies JWTs of one issuer or several. A token is verified once and judged on every request: its times, whether its key is
 * still one of the issuer's, whether it was revoked.
 *
 * @throws {MisuseError} for a wrong option.
 * @example
 * const verifier = createTokenVerifier(
 *   { issuer: 'https://issuer.example', audience: 'billing', keys: { jwksUri: 'https://issuer.example/jwks' } },
 *   surroundings,
 * )
 */
export function createTokenVerifier(options: TokenIssuer | readonly TokenIssuer[], surroundings: Surroundings): TokenVerifier {
  const issuers = createIssuers(options, surroundings)
  const { schemes, maxBytes } = issuers
  const takesWits = schemes.has('WPT')
  const { clock } = surroundings
  const count = createStatusCounter(surroundings.meter)
  const entries = createEntryMemory()
  // The token that a connection brought last: most bring the same one again, and comparing it costs less than hashing it.
  const lastOf = Symbol('countersign.token')
  const tellers = issuers.all.flatMap(({ prover }) => (prover?.fieldsFor === undefined ? [] : [prover.fieldsFor]))
  // A new token is cut when it is first looked at, and mostly verified at once.
  let lastCut: { readonly field: string; readonly jws: CutJws } | null = null
  const match = createMatcher()

  /** What is known of the token of a request; of one that is not known, what `unseen` says. */
  function look<Unseen>(inbound: Inbound, unseen: (field: string, nowMs: number) => Unseen): Finding<Entry> | Open | Unseen {
    const known = find(inbound)
    if (known === null || isRefusal(known)) return known
    const nowMs = clock.nowMs()
    if (typeof known === 'string') return unseen(known, nowMs)
    const judgement = judgeEntry(known, nowMs)
    if (judgement === null) return known
    if (typeof judgement !== 'string') return judgement
    if (judgement !== 'changed') return new Open(known.issuer, known.field, null)
    entries.forget(known)
    inbound.connection[lastOf] = undefined
    return unseen(known.field, nowMs)
  }

  /** The entry of what a request presents, or where there is none scheme and token in their one spelling. */
  function find(inbound: Inbound): Entry | string | Refusal | null {
    const { connection } = inbound
    const last = connection[lastOf] as Entry | undefined
    // Where Workload Identity Tokens are accepted too, the field alone does not say what is presented.
    if (last !== undefined && !takesWits && last.field === inbound.header('authorization')) return last
    const spelled = readCredentials(inbound, schemes, maxBytes)
    if (typeof spelled !== 'string') return spelled
    const entry = entries.recall(spelled)
    if (entry === undefined) return spelled
    connection[lastOf] = entry
    return entry
  }

  /** What is no token is refused before anything waits for it. Its header and claims are not read yet. */
  function cut(field: string): Refusal | undefined {
    const jws = cutCompact(tokenOf(field))
    if ('refused' in jws) return jws
    lastCut = { field, jws }
    return undefined
  }

  function lookAnew(field: string, nowMs: number): Refusal | Open {
    const jws = lastCut?.field === field ? lastCut.jws : cutCompact(tokenOf(field))
    lastCut = null
    if ('refused' in jws) return jws
    const appraisal = appraise(jws, schemeOf(field), issuers)
    if ('refused' in appraisal) return appraisal
    const untimely = judgeTime(appraisal.assertions, nowMs)
    if (untimely !== null) return untimely

    const { issuer, kid, algorithm } = appraisal
    const standing = issuer.keys.standing(nowMs)
    if (standing === 'unavailable') return KEYS_UNAVAILABLE
    if (standing !== 'usable') return new Open(issuer, field, null)
    const candidates = issuer.keys.find(kid, algorithm)
    if (candidates.length > 0) return new Open(issuer, field, { appraisal, candidates, epoch: issuer.keys.epoch })
    switch (issuer.keys.missing(nowMs)) {
      case 'ask':
        return new Open(issuer, field, null)
      case 'failed':
        return KEYS_UNAVAILABLE
      case 'unknown':
        return KEY_UNKNOWN
    }
  }

  async function settle(inbound: Inbound): Promise<Finding<Token>> {
    let prove: ((entry: Entry) => Promise<Refusal | null>) | null = null
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const found = look(inbound, lookAnew)
      if (found === null || isRefusal(found)) return found
      const { prover } = found.issuer
      if (prove === null && prover !== null && isProven(found)) {
        const read = prover.read(inbound)
        if (typeof read !== 'function') return read
        prove = read
      }
      if (!(found instanceof Open)) return prove === null ? found.token : conclude(found, prove)
      if (found.signed === null) {
        await found.issuer.keys.load()
        continue
      }
      const { appraisal, epoch } = found.signed
      // Not awaited without need: what was verified is remembered before another request is looked at.
      const matched = match(found.field, found.signed)
      const key = matched instanceof Promise ? await matched : matched
      if (key === null) return WRONG_SIGNATURE
      const entry = createEntry(found.field, appraisal, key, epoch)
      if (isRefusal(entry)) return entry
      entries.remember(entry)
      inbound.connection[lastOf] = entry
      issuers.headers.remember(appraisal.signingInput, appraisal.header)
      // Time went by, and the keys may have changed: judged as every request is.
      const judgement = judgeEntry(entry, clock.nowMs())
      if (judgement === null) return prove === null ? entry.token : conclude(entry, prove)
      if (typeof judgement !== 'string') return judgement
    }
    return KEYS_UNAVAILABLE
  }

  /** A proof is of one request: however often its token was seen, it is verified anew. */
  async function conclude(entry: Entry, prove: (entry: Entry) => Promise<Refusal | null>): Promise<Token | Refusal> {
    const unproven = await prove(entry)
    if (unproven !== null) return unproven
    // A replay store may have taken its time.
    return judgeNow(entry) ?? entry.token
  }

  function judgeNow(entry: Entry): Refusal | null {
    const judgement = judgeEntry(entry, clock.nowMs())
    if (judgement === null || typeof judgement !== 'string') return judgement
    if (judgement === 'changed') return KEY_UNKNOWN
    void entry.issuer.keys.load()
    return judgement === 'aged' ? null : KEYS_UNAVAILABLE
  }

  function fieldsFor(inbound: Inbound): Headers | null {
    for (const tell of tellers) {
      const fields = tell(inbound)
      if (fields !== null) return fields
    }
    return null
  }

  function counted(found: Finding<Token>): Finding<Token> {
    if (found !== null) count(isRefusal(found) ? found.code : 'ok')
    return found
  }

  const jwts: TokenVerifier = {
    kind: 'jwt',
    recall(inbound) {
      // A token not seen before is cut here and not read: whoever has used up his failures is refused before that.
      const found = look(inbound, cut)
      if (found === undefined || found instanceof Open) return undefined
      if (found === null || isRefusal(found)) return counted(found)
      // A proof takes cryptography, on every request.
      return isProven(found) ? undefined : counted(found.token)
    },
    async verify(inbound) {
      try {
        return counted(await settle(inbound))
      } catch (cause) {
        return counted(refuse('ERR_GUARD_FAULT', undefined, cause))
      }
    },
    judge(token) {
      const entry = entries.of(token)
      return entry === undefined ? KEY_UNKNOWN : judgeNow(entry)
    },
    bind(token, peer) {
      const issuer = entries.of(token)?.issuer ?? issuers.byName(token.issuer)
      return checkBinding(token, peer, issuer?.binding ?? 'mtls')
    },
    challenges: challengesOf(issuers.all),
    ...(takesWits ? { takesOwnField: (inbound) => witOf(inbound) !== null } : {}),
    ...(tellers.length === 0 ? {} : { fieldsFor }),
    async ready() {
      await Promise.all(issuers.all.map((issuer) => issuer.keys.ready()))
    },
    async close() {
      await Promise.all(issuers.all.map((issuer) => issuer.keys.close()))
    },
    toString() {
      return issuers.all.map(({ issuer, audience }) => `tokens of ${issuer} for ${audience?.join(' or ') ?? 'any audience'}`).join(', ')
    },
  }
  const { introspected } = issuers
  return introspected === null ? jwts : createIntrospectingVerifier(jwts, introspected, count, surroundings)
}

/** By a scheme whose tokens count with a proof of each request alone. */
function isProven({ field }: Open | Entry): boolean {
  return schemeOf(field) !== 'Bearer'
}
