import { createHash } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import { type Connection, type Refusal, refuse, type Surroundings, type Token } from '@countersign/core'
import { LRUCache } from 'lru-cache'
import { judgeTime } from '../claims.js'
import { elapsed } from '../elapsed.js'
import type { IssuerRules } from '../options.js'
import { createQuestionRoom } from '../question-room.js'
import { retainedBytes } from '../retained-bytes.js'
import { askRevocation } from '../revocation.js'
import { type Described, describe } from './answer.js'
import { askAbout } from './ask.js'
import type { IntrospectionRules } from './options.js'

/** Knows of tokens what their issuer said, for as long as that is believed. */
export interface Introspector {
  /** Never waits. `undefined`: the issuer must be asked. */
  recall(field: string, token: string, connection: Connection): Token | Refusal | undefined
  /**
   * Never rejects.
   * @param source who brings it, see `sourceOf`.
   */
  verify(field: string, token: string, connection: Connection, source: string): Promise<Token | Refusal>
  /** Is it still true? `undefined`: it is no token of this issuer. Where that is not known any more the issuer is asked in the background. */
  judge(token: Token): Refusal | null | undefined
  close(): Promise<void>
}

/** What the issuer said, believed for `forMs` from the question on. */
interface Answer {
  readonly said: Described | Refusal
  readonly askedAtMs: number
  readonly forMs: number
}

/** A token that was found to be active, and what the issuer said of it last. */
interface Standing {
  readonly hash: string
  readonly text: string
  answer: Answer
}

/**
 * Questions that run at once. The issuer is asked no more, whatever comes in; what finds no place is answered with 503. Half of them are for one
 * source at the most.
 */
const MAX_RUNNING = 100
/** Refusals have a memory of their own, so that what strangers make up pushes out no good answer; a few seconds of all that can be asked. */
const MAX_REFUSALS = 1000
/** All answers together: some are much longer than others. */
const MAX_CACHE_BYTES = 64 * 1024 * 1024
// Beside the claims. Measured, rounded up.
const FIXED_BYTES = 2048
/** A client that tries again at once does not have the issuer asked again at once. */
const FAILED_MS = 1000
/** For what outlives its request, an answer is believed at least so long: it is judged more often than the issuer could be asked. */
const MIN_STANDING_MS = 1000

const INACTIVE = Object.freeze(refuse('ERR_TOKEN_INACTIVE'))
const BUSY = Object.freeze(refuse('ERR_INTROSPECTION_UNAVAILABLE', Object.freeze({ reason: 'too many questions are open' })))
const OUTDATED = Object.freeze(refuse('ERR_INTROSPECTION_UNAVAILABLE', Object.freeze({ reason: 'the last answer is too old' })))

/**
 * Asks an issuer about tokens (RFC 7662): each once while its answer is believed, however many requests bring it. Answers are kept by the
 * hash of the token.
 */
export function createIntrospector(rules: IssuerRules, introspection: IntrospectionRules, surroundings: Surroundings): Introspector {
  const { clock } = surroundings
  const { cacheMs, negativeCacheMs, maxEntries, timeoutMs } = introspection
  const answers = new LRUCache<string, Answer>({ max: maxEntries, maxSize: MAX_CACHE_BYTES })
  const refusals = new LRUCache<string, Answer>({ max: Math.min(MAX_REFUSALS, maxEntries) })
  const room = createQuestionRoom(MAX_RUNNING)
  const running = new Map<string, Promise<Answer>>()
  const standings = new WeakMap<Token, Standing>()
  // The token that a connection brought last: most bring the same one again, and comparing it costs less than hashing it.
  const lastOf = Symbol('countersign.introspected')
  const closing = new AbortController()
  // Each question listens for the end.
  setMaxListeners(0, closing.signal)

  function hashOf(field: string, token: string, connection: Connection): string {
    const last = connection[lastOf] as { readonly field: string; readonly hash: string } | undefined
    if (last?.field === field) return last.hash
    const hash = createHash('sha256').update(token).digest('base64url')
    connection[lastOf] = { field, hash }
    return hash
  }

  function recall(hash: string, nowMs: number): Token | Refusal | undefined {
    const answer = refusals.get(hash) ?? answers.get(hash)
    return answer !== undefined && elapsed(answer.askedAtMs, nowMs) < answer.forMs ? judgeAnswer(answer, nowMs) : undefined
  }

  /** On every request: the times, and the list of what was revoked. */
  function judgeAnswer({ said }: Answer, nowMs: number): Token | Refusal {
    if ('refused' in said) return said
    return judgeTime(said, nowMs) ?? (rules.revocation === null ? null : askRevocation(rules.revocation, said)) ?? said.token
  }

  function keep(hash: string, answer: Answer): void {
    // The last answer is the only one.
    answers.delete(hash)
    refusals.delete(hash)
    if (!(answer.forMs > 0)) return
    if ('refused' in answer.said) refusals.set(hash, answer)
    else answers.set(hash, answer, { size: sizeOf(answer.said) })
  }

  /** One question a token at a time, for all who bring it meanwhile. `null`: there are too many. */
  function ask(hash: string, text: string, source: string | null): Promise<Answer> | null {
    const started = running.get(hash)
    if (started !== undefined) return started
    const leave = room.enter(source)
    if (leave === null) return null
    const question = answerTo(text).then((answer) => {
      leave()
      running.delete(hash)
      if (!('refused' in answer.said)) standings.set(answer.said.token, { hash, text, answer })
      keep(hash, answer)
      return answer
    })
    running.set(hash, question)
    return question
  }

  async function answerTo(text: string): Promise<Answer> {
    // As old as the question: what the issuer learned meanwhile may not be in it.
    const askedAtMs = clock.nowMs()
    try {
      closing.signal.throwIfAborted()
      const answer = await askAbout(text, introspection, surroundings.fetch, closing.signal)
      const said = answer === null ? INACTIVE : describe(answer, rules)
      if ('refused' in said) return { said, askedAtMs, forMs: negativeCacheMs }
      // RFC 7662 §4: no longer than until exp.
      const untilExpMs = said.expiresAtMs - rules.skewMs - askedAtMs
      return { said, askedAtMs, forMs: Math.min(cacheMs, untilExpMs) }
    } catch (cause) {
      const said = refuse('ERR_INTROSPECTION_UNAVAILABLE', { reason: 'the issuer did not answer as it should' }, cause)
      return { said, askedAtMs, forMs: Math.min(FAILED_MS, negativeCacheMs) }
    }
  }

  function refresh(standing: Standing): void {
    const since = standing.answer
    void ask(standing.hash, standing.text, null)?.then((answer) => {
      // While the issuer does not answer, what it said before grows older.
      const failed = 'refused' in answer.said && answer.said.code === 'ERR_INTROSPECTION_UNAVAILABLE'
      if (standing.answer === since && !failed) standing.answer = answer
    })
  }

  return {
    recall: (field, token, connection) => recall(hashOf(field, token, connection), clock.nowMs()),
    async verify(field, token, connection, source) {
      const hash = hashOf(field, token, connection)
      const recalled = recall(hash, clock.nowMs())
      if (recalled !== undefined) return recalled
      const question = ask(hash, token, source)
      return question === null ? BUSY : judgeAnswer(await question, clock.nowMs())
    },
    judge(token) {
      const standing = standings.get(token)
      if (standing === undefined) return undefined
      const nowMs = clock.nowMs()
      const found = judgeAnswer(standing.answer, nowMs)
      if ('refused' in found) return found
      const beyondMs = elapsed(standing.answer.askedAtMs, nowMs) - Math.max(cacheMs, MIN_STANDING_MS)
      if (beyondMs < 0) return null
      refresh(standing)
      // As long as a question may take that was asked at the first chance.
      return beyondMs <= timeoutMs + MIN_STANDING_MS ? null : OUTDATED
    },
    async close() {
      closing.abort()
      await Promise.all(running.values())
    },
  }
}

function sizeOf({ claims }: Described): number {
  return FIXED_BYTES + retainedBytes(claims)
}
