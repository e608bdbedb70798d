import type { ApiKey, Facts, OperationCode, Peer } from '@countersign/core'
import { checkInteger, checkKeys, checkText, MisuseError } from '@countersign/core'
import { ofCertificate } from '../handed-down.js'
import { createTokenIssuance } from '../issue/issue-token.js'
import { tellIssued, tellNotIssued } from '../issue/tell-issued.js'
import { type MeshContext, refusalOfFault } from '../mesh-context.js'
import { isOperationRefusal, type OperationRefusal } from '../operation-refusal.js'
import { checkScopes } from './service-directory.js'
import type { ServiceStatus } from './service-status.js'

/** A service that asks for a token. Nothing here is a key: that it holds one, the TLS handshake has proven. */
export interface ServiceRequest {
  /** Who asks, by its id. */
  readonly service: string
  /** Its verified certificate, such as `guard.principal(request).peer`. `null` only with `mtls: 'optional'` and an API key. */
  readonly peer: Peer | null
  /** Its verified API key, with `mtls: 'optional'`. */
  readonly apiKey?: ApiKey | null
  /** Id of the service that the token is for: the only one that will accept it. Its own: sessions may then be handed on to it. */
  readonly audience: string
  /** Default: none. */
  readonly scopes?: readonly string[]
  /** At most the `maxExpiresInSeconds` of the mesh. Default: its `expiresInSeconds`. */
  readonly expiresInSeconds?: number
  /** `x5t#S256` of the certificate that the token is bound to. Default: that of `peer`. */
  readonly boundTo?: string
}

export type ServiceAuthentication = AuthenticatedService | UnauthenticatedService

export interface AuthenticatedService {
  readonly status: 'AUTHENTICATED'
  /** For `Authorization: Bearer`. */
  readonly accessToken: string
  /** `jti`. */
  readonly tokenId: string
  readonly audience: string
  readonly scopes: readonly string[]
  /** `x5t#S256`; `null` for a token that whoever holds it may use. */
  readonly boundTo: string | null
  /** Epoch milliseconds. */
  readonly issuedAtMs: number
  /** Epoch milliseconds. */
  readonly expiresAtMs: number
}

/** No token was made, nothing was stored, nobody was told. */
export interface UnauthenticatedService {
  readonly status: Exclude<ServiceStatus, 'AUTHENTICATED'>
  readonly code: OperationCode
  readonly facts: Facts
  readonly cause?: unknown
}

const KEYS = ['service', 'peer', 'apiKey', 'audience', 'scopes', 'expiresInSeconds', 'boundTo']
/** Names of other kinds are no services: a common name `orders` is not the DNS name `orders`. */
const SERVICE_KINDS: ReadonlySet<string> = new Set(['spiffe', 'dns', 'uri', 'subject'])

/** Makes the operation: what proves the service, what it may ask for, then one token, one record and one event, or none of them. */
export function createServiceAuthentication(context: MeshContext): (request: ServiceRequest) => Promise<ServiceAuthentication> {
  const { core, rules, figures } = context
  const { clock } = core.surroundings
  const issueToken = createTokenIssuance(context)

  function prove({ service, peer, apiKey = null }: ServiceRequest): UnauthenticatedService | null {
    if (rules.services.get(service) === undefined) return refused('UNAUTHORIZED', 'ERR_SERVICE_UNKNOWN')
    const proof = peer ?? (rules.isMtlsRequired ? null : apiKey)
    if (proof === null) return refused('UNAUTHORIZED', 'ERR_SERVICE_UNPROVEN', { reason: 'no-certificate' })
    if (peer !== null && peer.certificate === null && rules.isMtlsRequired)
      return refused('UNAUTHORIZED', 'ERR_SERVICE_UNPROVEN', { reason: 'no-certificate' })
    const { kind, value } = 'owner' in proof ? proof.owner : proof.identity
    if (value !== service || !SERVICE_KINDS.has(kind)) return refused('UNAUTHORIZED', 'ERR_SERVICE_MISMATCH')
    if (clock.nowMs() >= proof.expiresAtMs) return refused('EXPIRED', 'ERR_SERVICE_UNPROVEN', { reason: 'expired' })
    return null
  }

  function permit({ service, audience, scopes = [] }: ServiceRequest): UnauthenticatedService | null {
    const entry = rules.services.get(service)
    if (rules.services.get(audience) === undefined) return refused('UNAUTHORIZED', 'ERR_TARGET_UNKNOWN')
    // A token for itself lets it call nobody: it says that the service is there, for sessions to be handed on to.
    if (audience !== service && entry?.mayCall.includes(audience) !== true) return refused('UNAUTHORIZED', 'ERR_TARGET_FORBIDDEN')
    return scopes.every((scope) => entry?.scopes?.includes(scope) === true) ? null : refused('UNAUTHORIZED', 'ERR_SCOPE_EXCEEDED')
  }

  async function issue(request: ServiceRequest, boundTo: string | null): Promise<ServiceAuthentication> {
    const { service, audience, scopes = [], expiresInSeconds = rules.tokenMs / 1000 } = request
    const certificate = request.peer?.certificate?.['x5t#S256'] ?? null
    const issued = await issueToken(
      {
        event: 'auth.service.authenticated',
        by: service,
        clientId: service,
        subject: service,
        audience: [audience],
        scopes,
        boundTo: { thumbprint: boundTo, jkt: null },
        // RFC 8705 §3.1 binds it to the one that it is used with, which need not be the one that got it.
        revokedWith: ofCertificate(certificate === boundTo ? null : certificate),
        family: null,
        expiresInSeconds,
      },
      { proof: { certificate }, madeFrom: null },
    )
    if (typeof issued === 'string') return refused('UNAUTHORIZED', 'ERR_STATE_CONFLICT')
    if (isOperationRefusal(issued)) return refusedBy(issued)
    const { text: accessToken, tokenId, issuedAtMs, expiresAtMs } = issued
    return { status: 'AUTHENTICATED', accessToken, tokenId, audience, scopes, boundTo, issuedAtMs, expiresAtMs }
  }

  return async function authenticateService(request) {
    const startMs = performance.now()
    checkRequest(request, rules.maxTokenMs)
    const { service, audience, peer } = request
    let outcome: ServiceAuthentication
    try {
      const boundTo = request.boundTo ?? peer?.certificate?.['x5t#S256'] ?? null
      outcome = prove(request) ?? permit(request) ?? (await issue(request, boundTo))
    } catch (fault) {
      if (fault instanceof MisuseError) throw fault
      outcome = refusedBy(refusalOfFault(fault))
    }
    figures.took('authenticate', startMs)
    // A name that nobody has is a caller's text.
    const name = rules.services.get(service) === undefined ? {} : { service }
    if (outcome.status === 'AUTHENTICATED')
      tellIssued(context, service, { audience, tokenId: outcome.tokenId, bound: outcome.boundTo !== null })
    else tellNotIssued(context, outcome.code, { ...name, ...outcome.facts, status: outcome.status }, outcome.cause)
    return outcome
  }
}

function refused(status: UnauthenticatedService['status'], code: OperationCode, facts: Facts = {}): UnauthenticatedService {
  return { status, code, facts }
}

function refusedBy({ code, facts, cause }: OperationRefusal): UnauthenticatedService {
  const status = code === 'ERR_SERVICE_REVOKED' ? 'REVOKED' : 'UNAUTHORIZED'
  return { ...refused(status, code as OperationCode, facts), ...(cause === undefined ? {} : { cause }) }
}

function checkRequest(request: ServiceRequest, maxTokenMs: number): void {
  const given: unknown = request
  checkKeys('request', given, KEYS)
  checkText('request.service', request.service)
  checkText('request.audience', request.audience)
  checkScopes('request.scopes', request.scopes ?? [])
  if (request.expiresInSeconds !== undefined) checkInteger('request.expiresInSeconds', request.expiresInSeconds, 1, maxTokenMs / 1000)
  if (request.boundTo !== undefined) checkText('request.boundTo', request.boundTo)
  if (request.peer === undefined)
    throw new MisuseError('ERR_OPTION_MISSING', 'request.peer', 'is the verified certificate: principal.peer, or null')
}
