import { isJsonObject, type JsonValue, type Token } from '@countersign/core'

/** Header `typ` of what hands a session on: no other kind of token passes for it, and it for no other (RFC 8725 §3.11). */
export const SESSION_TOKEN_TYPE = 'session-propagation+jwt'

/** What a session token says. */
export interface SessionClaims {
  /** `sid` */
  readonly sessionId: string
  /** `act`: who hands it on, then the one before, back to where the session began (RFC 8693 §4.1). */
  readonly actors: readonly [string, ...string[]]
  /** `txn` */
  readonly correlationId: string
}

/** A chain that is longer was not made here. */
const MAX_ACTORS = 16
const MAX_TEXT = 2048

/** The claim `act` of a chain, outermost first. */
export function actClaim(actors: readonly string[]): Readonly<Record<string, unknown>> | undefined {
  const [sub, ...rest] = actors
  if (sub === undefined) return undefined
  const act = actClaim(rest)
  return act === undefined ? { sub } : { sub, act }
}

/** Reads what a verified token says of the session. `null`: it is no session token. */
export function readSessionClaims({ claims, id }: Token): SessionClaims | null {
  const { sid, txn, act } = claims
  const actors = readActors(act as JsonValue | undefined)
  if (id === null || !isText(sid) || !isText(txn) || actors === null) return null
  return { sessionId: sid, actors, correlationId: txn }
}

function readActors(act: JsonValue | undefined): readonly [string, ...string[]] | null {
  const actors: string[] = []
  for (let at: JsonValue | undefined = act; at !== undefined; ) {
    if (!isJsonObject(at) || actors.length >= MAX_ACTORS) return null
    const { sub, act: next } = at
    if (!isText(sub)) return null
    actors.push(sub)
    at = next
  }
  const [first, ...rest] = actors
  return first === undefined ? null : Object.freeze<[string, ...string[]]>([first, ...rest])
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= MAX_TEXT
}
