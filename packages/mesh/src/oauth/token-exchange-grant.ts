import { type Code, isJsonObject, isRefusal, type JsonObject, type JsonValue, joinRevokedWith, type Token } from '@countersign/core'
import type { ActorClaim } from '@countersign/issuer'
import { handedDown, ofCertificate } from '../handed-down.js'
import type { SenderBinding } from '../issue/token-mint.js'
import { isOperationRefusal } from '../operation-refusal.js'
import type { Form } from './form.js'
import type { Grant, GrantParts, GrantRequest } from './grant.js'
import type { RegisteredClient } from './registered-client.js'
import { isRejection, type Rejection, reject, rejectionOf } from './rejection.js'
import { resolveScopes } from './scope.js'
import { resolveTargets } from './target.js'
import { isUnjudged } from './token-reader.js'

const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token'
const JWT = 'urn:ietf:params:oauth:token-type:jwt'
/** A longer chain is a loop. */
const MAX_ACTORS = 10

/** A token for a token (RFC 8693): for whom the subject token speaks, with the client as the actor. It can do no more, and lives no longer. */
export function createTokenExchangeGrant({ context, issue, reader }: GrantParts): Grant {
  const { core } = context

  return async (request) => {
    const { client, form, certificate, boundTo } = request
    const presented = readPresented(form)
    if (isRejection(presented)) return presented
    const subject = await reader.read(presented.subjectToken)
    if (isRefusal(subject)) return rejectToken(subject.code, 'subject')
    const actor = presented.actorToken === null ? null : await reader.readOwn(presented.actorToken)
    if (isRefusal(actor)) return rejectToken(actor.code, 'actor')
    const flaw = (actor === null ? null : flawOfActor(actor, request)) ?? flawOfSubject(subject, request, core.issuer)
    if (flaw !== null) return flaw

    const chain = chainWith(client.subject, core.issuer, subject)
    if (isRejection(chain)) return chain
    const audience = resolveTargets(client, form, null)
    if (isRejection(audience)) return audience
    const possible = new Set([...subject.scopes].filter((scope) => client.scopes.has(scope)))
    const scopes = resolveScopes(form.one('scope'), possible, [...possible])
    if (isRejection(scopes)) return scopes

    // Of another issuer's subject the mesh has nothing to revoke.
    const isOurs = subject.issuer === core.issuer
    const madeFrom = {
      services: isOurs ? actingIn(subject) : [],
      issuedAtMs: isOurs ? (subject.issuedAtMs ?? 0) : null,
    }
    const shown = certificate?.['x5t#S256'] ?? null
    const revokedWith = joinRevokedWith(handedDown(subject, presented.subjectToken, core.issuer), ofCertificate(shown))
    if (revokedWith === null) return reject('ERR_EXCHANGE_DEPTH')
    const token = await issue(
      {
        event: 'auth.token.exchanged',
        by: client.subject,
        clientId: client.clientId,
        subject: subject.subject,
        audience,
        scopes,
        boundTo,
        ...(chain === null ? {} : { actor: chain }),
        revokedWith,
        family: null,
        expiresInSeconds: client.tokenSeconds,
        notAfterMs: endOf(subject),
      },
      { proof: null, madeFrom },
    )
    if (token === 'conflict') return reject('ERR_STATE_CONFLICT', { part: 'service' })
    if (token === 'outdated') return reject('ERR_EXCHANGE_TOKEN', { reason: 'revoked', part: 'subject' })
    return isOperationRefusal(token)
      ? rejectionOf(token)
      : { token, audience, scopes, refreshToken: null, issuedTokenType: presented.wanted }
  }
}

/** RFC 8693 §2.1 */
function readPresented(
  form: Form,
): { readonly subjectToken: string; readonly actorToken: string | null; readonly wanted: string } | Rejection {
  const subjectToken = form.one('subject_token')
  const subjectType = form.one('subject_token_type')
  const actorToken = form.one('actor_token')
  const actorType = form.one('actor_token_type')
  const wanted = form.one('requested_token_type') ?? ACCESS_TOKEN
  if (subjectToken === null || subjectType === null) return reject('ERR_OAUTH_REQUEST', { reason: 'subject_token' })
  // actor_token_type is required with an actor token, and MUST NOT be there without.
  if ((actorToken === null) !== (actorType === null)) return reject('ERR_OAUTH_REQUEST', { reason: 'actor_token' })
  const types = [subjectType, wanted, ...(actorType === null ? [] : [actorType])]
  if (!types.every((type) => type === ACCESS_TOKEN || type === JWT)) return reject('ERR_OAUTH_REQUEST', { reason: 'token type' })
  return { subjectToken, actorToken, wanted }
}

/** An actor token is the client's own, and in its hands: nobody makes somebody else the actor. */
function flawOfActor(actor: Token, { client, boundTo }: GrantRequest): Rejection | null {
  if (actor.claims['client_id'] !== client.clientId || actor.subject !== client.subject)
    return reject('ERR_EXCHANGE_ACTOR', { part: 'actor' })
  return isHeldBy(actor, boundTo) ? null : reject('ERR_EXCHANGE_ACTOR', { part: 'binding' })
}

function flawOfSubject(subject: Token, { client, boundTo }: GrantRequest, issuer: string): Rejection | null {
  const mayAct = subject.claims['may_act']
  if (mayAct !== undefined) {
    // RFC 8693 §4.4: where the token says who may act, nobody else may.
    if (!isNamedBy(mayAct as JsonValue, client, issuer)) return reject('ERR_EXCHANGE_ACTOR', { part: 'may_act' })
  } else if (isOf(subject, client, issuer)) {
    // Its own token: it must hold what the token is bound to. One that others sent here is bound to what they hold.
    if (!isHeldBy(subject, boundTo)) return reject('ERR_EXCHANGE_ACTOR', { part: 'binding' })
  } else if (!subject.audience.includes(client.subject) && !subject.audience.includes(client.clientId)) {
    return reject('ERR_EXCHANGE_ACTOR', { part: 'audience' })
  }
  return client.mayActFor === null || client.mayActFor(subject.subject) ? null : reject('ERR_EXCHANGE_ACTOR', { part: 'policy' })
}

function isOf(token: Token, client: RegisteredClient, issuer: string): boolean {
  return token.issuer === issuer && token.claims['client_id'] === client.clientId
}

function isNamedBy(mayAct: JsonValue, client: RegisteredClient, issuer: string): boolean {
  if (!isJsonObject(mayAct)) return false
  const { sub, iss, client_id, ...others } = mayAct
  // A condition that is not understood is one that is not met.
  if (Object.keys(others).length > 0 || (sub === undefined && client_id === undefined)) return false
  return (
    (sub === undefined || sub === client.subject) &&
    (iss === undefined || iss === issuer) &&
    (client_id === undefined || client_id === client.clientId)
  )
}

function isHeldBy({ boundTo, boundToKey }: Token, { thumbprint, jkt }: SenderBinding): boolean {
  return (boundTo === null || boundTo === thumbprint) && (boundToKey === null || boundToKey === jkt)
}

/**
 * RFC 8693 §4.1: the current actor outermost, those before it inside. One that exchanges again what it has got by exchange stays the actor
 * once; one that exchanges its own token acts for itself. `null`: nobody but the subject acts.
 */
function chainWith(actor: string, issuer: string, { claims, subject, issuer: from }: Token): ActorClaim | null | Rejection {
  const before = claims['act'] === undefined ? null : readChain(claims['act'] as JsonValue, 1, from, issuer)
  if (before !== null && isRejection(before)) return before
  if (before === null && actor === subject && from === issuer) return null
  if (before !== null && before.sub === actor && before.iss === issuer) return before
  const depth = depthOf(before) + 1
  if (depth > MAX_ACTORS) return reject('ERR_EXCHANGE_DEPTH', { depth })
  return { sub: actor, iss: issuer, ...(before === null ? {} : { act: before }) }
}

/**
 * What else an `act` holds is left behind: it would be somebody else's word in a token of ours. So would be a name of ours in a chain of
 * another issuer, whose own names say whose they are.
 */
function readChain(act: JsonValue, depth: number, from: string, issuer: string): ActorClaim | Rejection {
  if (!isJsonObject(act) || depth > MAX_ACTORS) return reject('ERR_EXCHANGE_DEPTH', { depth })
  const { sub, iss, act: before } = act as JsonObject
  if (typeof sub !== 'string' || sub === '' || (iss !== undefined && typeof iss !== 'string'))
    return reject('ERR_EXCHANGE_TOKEN', { part: 'act' })
  if (from !== issuer && iss === issuer) return reject('ERR_EXCHANGE_TOKEN', { part: 'act', reason: 'a name of ours' })
  const inner = before === undefined ? null : readChain(before, depth + 1, from, issuer)
  if (inner !== null && isRejection(inner)) return inner
  const of = typeof iss === 'string' ? iss : from === issuer ? null : from
  return { sub, ...(of === null ? {} : { iss: of }), ...(inner === null ? {} : { act: inner }) }
}

/** Who has got a token of ours, and who acts in it. */
function actingIn({ claims }: Token): readonly string[] {
  const { client_id: client } = claims
  const services = typeof client === 'string' ? [client] : []
  let act = claims['act'] as JsonValue | undefined
  for (let depth = 0; depth < MAX_ACTORS && isJsonObject(act); depth++) {
    if (typeof act['sub'] === 'string') services.push(act['sub'])
    act = act['act']
  }
  return services
}

function depthOf(chain: ActorClaim | null): number {
  return chain === null ? 0 : 1 + depthOf(chain.act ?? null)
}

/** `exp` as the token has it: the skew is for clocks, not for a longer life. */
function endOf({ claims, expiresAtMs }: Token): number {
  const exp = claims['exp']
  return typeof exp === 'number' ? Math.min(exp * 1000, expiresAtMs) : expiresAtMs
}

function rejectToken(code: Code, part: string): Rejection {
  return isUnjudged(code) ? reject('ERR_STATE_UNAVAILABLE', { reason: code, part }) : reject('ERR_EXCHANGE_TOKEN', { reason: code, part })
}
