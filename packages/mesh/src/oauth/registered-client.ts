import {
  checkBoolean,
  checkChoice,
  checkInteger,
  checkKeys,
  checkList,
  checkText,
  compileNameMatch,
  joinPath,
  MisuseError,
} from '@countersign/core'
import type { ClientGrant, OAuthClient } from './client.js'
import { type CredentialContext, checkCredential, type RegisteredCredential } from './registered-credential.js'

/** A client, checked once, with every default filled in. Frozen. */
export interface RegisteredClient {
  readonly clientId: string
  readonly credential: RegisteredCredential
  readonly subject: string
  readonly grants: ReadonlySet<ClientGrant>
  mayTarget(audience: string): boolean
  /** Where a request names none; `null` where there is a choice. */
  readonly defaultAudience: string | null
  readonly scopes: ReadonlySet<string>
  readonly defaultScopes: readonly string[]
  readonly tokenSeconds: number
  readonly senderConstrained: 'mtls' | 'dpop' | 'either'
  readonly unbound: boolean
  /** `null`: whoever's token names the client. */
  readonly mayActFor: ((subject: string) => boolean) | null
  readonly refresh: { readonly windowMs: number; readonly maxCount: number } | null
  readonly introspection: 'own' | 'any' | null
}

/** What holds for the clients of one server. */
export interface ClientContext extends CredentialContext {
  readonly tokenSeconds: number
  readonly maxTokenSeconds: number
}

const KEYS = [
  'clientId',
  'authentication',
  'grants',
  'audiences',
  'scopes',
  'defaultScopes',
  'subject',
  'tokenSeconds',
  'senderConstrained',
  'dangerouslyUnbound',
  'mayActFor',
  'refresh',
  'introspection',
] as const
/** RFC 6749 Appendix A.1: printable ASCII. As long as a SPIFFE ID may be. */
const CLIENT_ID = /^[\x20-\x7e]{1,2048}$/
/** RFC 6749 §3.3 */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]{1,256}$/
const DEFAULT_WINDOW_SECONDS = 300
const DEFAULT_REFRESHES = 3
/** Each is an entry of the family's record for as long as it lives. */
const MAX_REFRESHES = 100

/**
 * Checks a client.
 * @throws {MisuseError}
 */
export function registerClient(option: string, client: unknown, context: ClientContext): RegisteredClient {
  checkKeys(option, client, KEYS)
  const at = (key: string): string => joinPath(option, key)
  const given = client as Partial<OAuthClient>
  const clientId = checkText(at('clientId'), given.clientId)
  if (!CLIENT_ID.test(clientId))
    throw new MisuseError('ERR_OPTION_INVALID', at('clientId'), 'takes printable ASCII, at most 2048 characters')
  const audiences = checkList(at('audiences'), given.audiences)
  const targets = audiences.map((match, index) => compileNameMatch(`${at('audiences')}[${index}]`, match))
  const [only] = audiences
  const scopes = new Set(checkScopes(at('scopes'), given.scopes))
  const defaultScopes = checkScopes(at('defaultScopes'), given.defaultScopes)
  if (!defaultScopes.every((scope) => scopes.has(scope)))
    throw new MisuseError('ERR_OPTION_CONTRADICTION', at('defaultScopes'), 'holds a scope that is not in scopes')
  const subjects =
    given.mayActFor === undefined
      ? null
      : checkList(at('mayActFor'), given.mayActFor).map((match, index) => compileNameMatch(`${at('mayActFor')}[${index}]`, match))
  return Object.freeze({
    clientId,
    // Last of all that can be wrong, or keys would be fetched for a client that there is not.
    subject: given.subject === undefined ? clientId : checkText(at('subject'), given.subject),
    grants: new Set(
      checkList(at('grants'), given.grants).map((grant) => checkChoice(at('grants'), grant, ['client_credentials', 'token_exchange'])),
    ),
    mayTarget: (audience: string) => targets.some((matches) => matches(audience)),
    defaultAudience: audiences.length === 1 && typeof only === 'string' ? only : null,
    scopes,
    defaultScopes,
    tokenSeconds: checkInteger(at('tokenSeconds'), given.tokenSeconds ?? context.tokenSeconds, 1, context.maxTokenSeconds),
    senderConstrained: checkChoice(at('senderConstrained'), given.senderConstrained ?? 'either', ['mtls', 'dpop', 'either']),
    unbound: checkBoolean(at('dangerouslyUnbound'), given.dangerouslyUnbound ?? false),
    mayActFor: subjects === null ? null : (subject: string) => subjects.some((matches) => matches(subject)),
    refresh: checkRefresh(at('refresh'), given.refresh),
    introspection: given.introspection == null ? null : checkChoice(at('introspection'), given.introspection, ['own', 'any']),
    credential: checkCredential(at('authentication'), clientId, given.authentication, context),
  })
}

function checkScopes(option: string, scopes: unknown): readonly string[] {
  if (scopes === undefined) return Object.freeze([])
  return Object.freeze(
    checkList(option, scopes).map((scope, index) => {
      const text = checkText(`${option}[${index}]`, scope)
      if (SCOPE.test(text)) return text
      throw new MisuseError('ERR_OPTION_INVALID', `${option}[${index}]`, 'takes one scope: no spaces, quotes or backslashes')
    }),
  )
}

function checkRefresh(option: string, refresh: unknown): RegisteredClient['refresh'] {
  if (refresh === undefined || refresh === null) return null
  checkKeys(option, refresh, ['windowSeconds', 'maxCount'])
  return Object.freeze({
    windowMs: 1000 * checkInteger(joinPath(option, 'windowSeconds'), refresh['windowSeconds'] ?? DEFAULT_WINDOW_SECONDS, 1, 86_400),
    maxCount: checkInteger(joinPath(option, 'maxCount'), refresh['maxCount'] ?? DEFAULT_REFRESHES, 1, MAX_REFRESHES),
  })
}
