import { type Code, type Connection, checkList, type EvidenceKind, MisuseError, type Refusal, refuse } from '@countersign/core'
import type { Requirement } from './options.js'

/** Which kinds of evidence the guard looks at. */
export interface Configured {
  readonly mtls: boolean
  readonly jwt: boolean
  readonly apiKeys: boolean
}

/** What a request must bring, compiled: one look-up by what it did bring. */
export interface EvidenceNeed {
  /** What is `null` was not brought. Returns `null`: enough. Otherwise why not. */
  missing(peer: unknown, token: unknown, apiKey: unknown, peerCode: () => Code): Refusal | null
  /** `false`: evidence is not even read. */
  readonly reads: boolean
  readonly admitsAnonymous: boolean
  /** Lets nobody in whom `other` would keep out. */
  isAtLeast(other: EvidenceNeed): boolean
  /** For the line at start. */
  readonly words: string
  /** @internal Bit 0: peer; bit 1: token; bit 2: API key. `null`: enough. */
  readonly table: readonly (EvidenceKind | null)[]
}

const PEER = 1
const TOKEN = 2
const API_KEY = 4
const BITS = { mtls: PEER, jwt: TOKEN, 'api-key': API_KEY } as const satisfies Record<EvidenceKind, number>
const WORDS = { mtls: 'a certificate', jwt: 'a token', 'api-key': 'an API key' } as const satisfies Record<EvidenceKind, string>
const KINDS = Object.keys(BITS) as readonly EvidenceKind[]
const COMBINATIONS = [0, 1, 2, 3, 4, 5, 6, 7] as const
const NOTHING_MISSING = Object.freeze(COMBINATIONS.map(() => null))

/** Kinds that there is a challenge for, in the order in which they are asked for where several would do. */
const INVITING = ['jwt', 'api-key'] as const satisfies readonly EvidenceKind[]

/** A route that reads no evidence. */
export const OPEN: EvidenceNeed = makeNeed(NOTHING_MISSING, 'none', false)

/** @throws {MisuseError} for a requirement that nobody or everybody would meet. */
export function compileRequirement(option: string, requirement: Requirement, configured: Configured): EvidenceNeed {
  const { mtls, jwt, apiKeys } = configured
  const kinds = KINDS.filter((kind) => (kind === 'mtls' ? mtls : kind === 'jwt' ? jwt : apiKeys))
  const alternatives = alternativesOf(option, requirement, kinds)
  const table = COMBINATIONS.map((bits) => {
    const has = (kind: EvidenceKind): boolean => (bits & BITS[kind]) !== 0
    if (alternatives.some((kinds) => kinds.every(has))) return null
    const lacking = alternatives.map((kinds) => kinds.find((kind) => !has(kind)) ?? 'mtls')
    // A challenge is an invitation; a certificate cannot be asked for any more.
    const asked = alternatives.length > 1 ? INVITING.find((kind) => lacking.includes(kind)) : undefined
    return asked ?? lacking[0] ?? 'mtls'
  })
  return makeNeed(table, requirement === 'optional' ? 'no evidence' : wordsOf(alternatives), true)
}

function wordsOf(alternatives: readonly (readonly EvidenceKind[])[]): string {
  const words = alternatives.map((kinds) => listed(kinds.map((kind) => WORDS[kind])))
  return words.join(alternatives.some((kinds) => kinds.length > 1) ? ', or ' : ' or ') || 'no evidence'
}

function listed(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`
}

function alternativesOf(option: string, requirement: Requirement, kinds: readonly EvidenceKind[]): readonly (readonly EvidenceKind[])[] {
  if (requirement === 'all') return [kinds]
  if (requirement === 'any') return kinds.map((kind) => [kind])
  if (requirement === 'optional') return [[]]
  if (typeof requirement === 'string') {
    const meant = KINDS.find((kind) => kind === requirement)
    const fix = meant === undefined ? '' : `: write [['${meant}']]`
    throw new MisuseError('ERR_OPTION_INVALID', option, `takes 'all', 'any', 'optional' or a list of lists${fix}`)
  }
  return checkList(option, requirement).map((list, index) => {
    const named = checkList(`${option}[${index}]`, list)
    return named.map((kind) => {
      const known = kinds.find((configured) => configured === kind)
      if (known === undefined)
        throw new MisuseError(
          'ERR_OPTION_CONTRADICTION',
          `${option}[${index}]`,
          `names evidence that is not configured: this guard looks at ${kinds.join(' and ')}`,
        )
      return known
    })
  })
}

/** What meets it meets both. */
export function bothOf(one: EvidenceNeed, other: EvidenceNeed): EvidenceNeed {
  if (one.isAtLeast(other)) return one
  if (other.isAtLeast(one)) return other
  const table = COMBINATIONS.map((bits) => one.table[bits] ?? other.table[bits] ?? null)
  return makeNeed(table, `${one.words} and ${other.words}`, one.reads || other.reads)
}

function makeNeed(table: readonly (EvidenceKind | null)[], words: string, reads: boolean): EvidenceNeed {
  const need: EvidenceNeed = {
    table,
    reads,
    words,
    admitsAnonymous: table[0] === null,
    isAtLeast: (other) => reads >= other.reads && COMBINATIONS.every((bits) => table[bits] !== null || other.table[bits] === null),
    missing(peer, token, apiKey, peerCode) {
      const lacking = table[(peer === null ? 0 : PEER) | (token === null ? 0 : TOKEN) | (apiKey === null ? 0 : API_KEY)]
      if (lacking === null || lacking === undefined) return null
      switch (lacking) {
        case 'jwt':
          return refuse('ERR_TOKEN_MISSING')
        case 'api-key':
          return refuse('ERR_API_KEY_MISSING')
        case 'mtls':
          return refuseMissingPeer(peerCode())
      }
    },
  }
  return Object.freeze(need)
}

const REQUEST_CERT_FACTS = Object.freeze({
  fix: 'create the server with { requestCert: true, rejectUnauthorized: false }, or by secureServer()',
})

function refuseMissingPeer(code: Code): Refusal {
  return code === 'ERR_SERVER_WITHOUT_REQUEST_CERT' ? refuse(code, REQUEST_CERT_FACTS) : refuse(code)
}

/**
 * Why there is no certificate: none could come, none was sent, or none was asked for.
 * @param isForwarded the request came from a proxy that says who its client is.
 */
export function missingPeerCode(connection: Connection, isForwarded: boolean): Code {
  if (isForwarded) return 'ERR_PEER_MISSING'
  if (connection.transport !== 'tls') return 'ERR_PEER_UNENCRYPTED'
  return connection.certificateRequested ? 'ERR_PEER_MISSING' : 'ERR_SERVER_WITHOUT_REQUEST_CERT'
}
