import { isRefusal, type StateEvent } from '@countersign/core'
import { stateEventFrom } from '../events/mesh-event.js'
import { revocationEntry } from '../revocation-entry.js'
import { readTokenRecord } from '../service/token-record.js'
import { tokenKey } from '../state-keys.js'
import { answerEmpty } from './answer.js'
import { answered, type Endpoint, rejected } from './endpoint.js'
import { revokedEvents, type StoredFamily } from './refresh-families.js'
import type { RegisteredClient } from './registered-client.js'
import { isRejection, type Rejection, reject } from './rejection.js'
import { createTokenQuestion, type TokenQuestionParts } from './token-question.js'
import { isUnjudged } from './token-reader.js'

/** What ends: a grant, or an access token that has none. */
interface Ending {
  readonly stored: StoredFamily | null
  readonly access: AccessToken | null
}

interface AccessToken {
  readonly id: string
  readonly subject: string
  /** Epoch milliseconds. */
  readonly endMs: number
}

const REASON = 'unspecified'
const TYPE = 'auth.token.revoked'
const MAX_ATTEMPTS = 4
const NONE: readonly string[] = Object.freeze([])
const FOREIGN = Object.freeze(reject('ERR_REVOKE_FOREIGN'))

/** Makes the revocation endpoint (RFC 7009). `token_type_hint` is not needed: one look tells what a token is. */
export function createRevocationEndpoint(parts: TokenQuestionParts): Endpoint {
  const { reader, families } = parts
  const { core, figures } = parts.context
  const { clock } = core.surroundings

  /** @returns the ids of the access tokens that are revoked now. */
  async function revoke(client: RegisteredClient, text: string): Promise<readonly string[] | Rejection> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const found = await look(client, text)
      if (found === null) return NONE
      if (isRejection(found)) return found
      const ids = await end(found)
      if (ids !== null) return ids
    }
    return reject('ERR_STATE_CONFLICT', { part: 'refresh' })
  }

  /** What is to end: RFC 7009 §2.1 leaves to the server what goes with a token; here all of its grant does. `null`: nothing is alive. */
  async function look(client: RegisteredClient, text: string): Promise<Ending | Rejection | null> {
    const stored = await families.find(text)
    if (stored !== null) {
      if (stored.family.clientId !== client.clientId) return FOREIGN
      return stored.family.revoked ? null : { stored, access: null }
    }
    const token = await reader.readOwn(text)
    // RFC 7009 §2.2: what is no token, or none that is alive, is as good as revoked.
    if (isRefusal(token)) return isUnjudged(token.code) ? reject('ERR_STATE_UNAVAILABLE', { reason: token.code }) : null
    // RFC 7009 §2.1: and otherwise the client is told that the token is not its own.
    const { id, subject, claims, expiresAtMs } = token
    if (claims['client_id'] !== client.clientId || id === null) return FOREIGN
    const access = { id, subject, endMs: expiresAtMs }
    const [record] = await core.store.read([tokenKey(id)])
    const family = readTokenRecord(record)?.family ?? null
    const grant = family === null ? null : await families.named(family)
    return { stored: grant === null || grant.family.revoked ? null : grant, access }
  }

  /** @returns `null`: somebody else has changed the family meanwhile. */
  async function end({ stored, access }: Ending): Promise<readonly string[] | null> {
    const nowMs = clock.nowMs()
    const ending = stored === null ? null : families.end(stored, REASON)
    const { tokenIds = NONE, revoke = [] } = ending ?? {}
    const alone = access === null || tokenIds.includes(access.id) ? [] : [access]
    const isMade = await core.revocations.commit({
      expect: stored === null ? [] : [[stored.key, stored.version]],
      put: ending === null ? [] : [ending.write],
      revoke: [...revoke, ...alone.map(({ id, endMs }) => revocationEntry(core, ['token', id], { nowMs, reason: REASON, endMs }))],
      emit: [
        ...(stored === null ? [] : revokedEvents(core.issuer, stored.family, tokenIds, REASON, nowMs)),
        ...alone.map((one) => eventOf(one, nowMs)),
      ],
    })
    return isMade ? [...tokenIds, ...alone.map(({ id }) => id)] : null
  }

  function eventOf({ id: tokenId, subject: service }: AccessToken, atMs: number): StateEvent {
    return stateEventFrom({ type: TYPE, id: `${TYPE}.${tokenId}`, issuer: core.issuer, atMs, service, tokenId, reason: REASON })
  }

  return createTokenQuestion(parts, async (client, text) => {
    const revoked = await revoke(client, text)
    if (isRejection(revoked)) return rejected(revoked, client.clientId)
    if (revoked.length > 0) figures.revoked('token')
    const facts = { client: client.clientId, tokenIds: revoked }
    return answered(answerEmpty(200), revoked.length === 0 ? null : { kind: 'revoked', facts })
  })
}
