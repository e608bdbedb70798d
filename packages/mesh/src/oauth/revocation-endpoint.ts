import { isRefusal, type Refusal, type StateEvent, type Token } from '@countersign/core'
import { stateEventFrom } from '../events/mesh-event.js'
import { answerEmpty } from './answer.js'
import { answered, type Endpoint, rejected } from './endpoint.js'
import { revokedEvents } from './refresh-families.js'
import type { RegisteredClient } from './registered-client.js'
import { isRejection, type Rejection, reject } from './rejection.js'
import { createTokenQuestion, type TokenQuestionParts } from './token-question.js'
import { isUnjudged } from './token-reader.js'

const REASON = 'unspecified'
const TYPE = 'auth.token.revoked'
const MAX_ATTEMPTS = 4
const NONE: readonly string[] = Object.freeze([])
const FOREIGN = Object.freeze(reject('ERR_REVOKE_FOREIGN'))

/** Makes the revocation endpoint (RFC 7009). `token_type_hint` is not needed: one look tells what a token is. */
export function createRevocationEndpoint(parts: TokenQuestionParts): Endpoint {
  const { core, reader, families } = parts
  const { clock } = core.surroundings

  /** @returns the ids of the access tokens that are revoked now. */
  async function revoke(client: RegisteredClient, text: string): Promise<readonly string[] | Rejection> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const stored = await families.find(text)
      if (stored === null) return revokeAccess(client, await reader.readOwn(text))
      const { key, version, family } = stored
      if (family.clientId !== client.clientId) return FOREIGN
      if (family.revoked) return NONE
      const { write, revoke } = families.end(stored, REASON)
      const ids = revoke.map(({ id }) => id)
      const change = {
        expect: [[key, version]] as const,
        put: [write],
        revoke,
        emit: revokedEvents(core.issuer, family, revoke, REASON, clock.nowMs()),
      }
      if (await core.revocations.commit(change)) return ids
    }
    return reject('ERR_STATE_CONFLICT', { part: 'refresh' })
  }

  async function revokeAccess(client: RegisteredClient, token: Token | Refusal): Promise<readonly string[] | Rejection> {
    // RFC 7009 §2.2: what is no token, or none that is alive, is as good as revoked.
    if (isRefusal(token)) return isUnjudged(token.code) ? reject('ERR_STATE_UNAVAILABLE', { reason: token.code }) : NONE
    const { id, claims, expiresAtMs } = token
    // RFC 7009 §2.1: and otherwise the client is told that the token is not its own.
    if (claims['client_id'] !== client.clientId || id === null) return FOREIGN
    const entry = {
      kind: 'token',
      id,
      issuedBeforeMs: Number.POSITIVE_INFINITY,
      untilMs: expiresAtMs + core.marginMs,
      revokedAtMs: clock.nowMs(),
      reason: REASON,
    } as const
    await core.revocations.commit({ revoke: [entry], emit: [eventOf(id, token.subject)] })
    return [id]
  }

  function eventOf(tokenId: string, service: string): StateEvent {
    const atMs = clock.nowMs()
    return stateEventFrom({ type: TYPE, id: `${TYPE}.${tokenId}`, issuer: core.issuer, atMs, service, tokenId, reason: REASON })
  }

  return createTokenQuestion(parts, async (client, text) => {
    const revoked = await revoke(client, text)
    if (isRejection(revoked)) return rejected(revoked, client.clientId)
    const facts = { client: client.clientId, tokenIds: revoked }
    return answered(
      answerEmpty(200),
      revoked.length === 0 ? null : { kind: 'evidence.revoked', message: 'A client revoked a token', facts },
    )
  })
}
