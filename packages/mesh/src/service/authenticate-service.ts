import type { ApiKey, Facts, OperationCode, Peer } from '@countersign/core'
import { checkInteger, checkKeys, checkText, MisuseError } from '@countersign/core'
import { accessTokenClaims } from '@countersign/issuer'
import { hasCurrentList } from '../current-list.js'
import { ofCertificate } from '../handed-down.js'
import { isRebuilding } from '../is-rebuilding.js'
import { MAX_ROUNDS, type MeshContext, refusalOfFault, rememberedUntil } from '../mesh-context.js'
import { stateKey, tokenKey } from '../state-keys.js'
import { checkScopes } from './service-directory.js'
import { readServiceRecord, type ServiceRecord, writeServiceRecord } from './service-record.js'
import { nextServiceStatus, type ServiceStatus } from './service-status.js'
import { writeTokenRecord } from './token-record.js'

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
  const { core, rules, retry, turns, figures, note } = context
  const { clock } = core.surroundings

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

  /** What was revoked for good, as far as this process knows: no new token makes up for it. */
  function standing({ service }: ServiceRequest, certificate: string | null, nowMs: number): UnauthenticatedService | null {
    const { revocations } = core
    if (certificate !== null && revocations.has('certificate', certificate, nowMs))
      return refused('REVOKED', 'ERR_SERVICE_REVOKED', { reason: 'certificate' })
    return revocations.has('service', service, Number.MAX_SAFE_INTEGER)
      ? refused('REVOKED', 'ERR_SERVICE_REVOKED', { reason: 'service' })
      : null
  }

  async function issue(request: ServiceRequest, boundTo: string | null): Promise<ServiceAuthentication> {
    const { service, audience, scopes = [] } = request
    const certificate = request.peer?.certificate?.['x5t#S256'] ?? null
    const key = stateKey('service', service)
    for (let round = 0; round < MAX_ROUNDS; round++) {
      // Who was revoked meanwhile must be known before anybody gets a token.
      if (!(await hasCurrentList(core))) return refused('UNAUTHORIZED', 'ERR_STATE_UNAVAILABLE', { reason: 'lease' })
      const [stored] = await core.store.read([key])
      const known = readServiceRecord(service, stored, core.revocations)
      const nowMs = clock.nowMs()
      if (isRebuilding(core, nowMs)) return refused('UNAUTHORIZED', 'ERR_STATE_UNAVAILABLE', { reason: 'rebuilding' })
      const standingNow = known.deregistered
        ? refused('REVOKED', 'ERR_SERVICE_REVOKED', { reason: 'service' })
        : standing(request, certificate, nowMs)
      if (standingNow !== null) return standingNow
      const notBeforeMs = Math.max(known.revokedBeforeMs, revokedBefore(service, nowMs))
      // Each revocation takes the whole second with it: after many in one, a token would be one of the future.
      if (notBeforeMs > nowMs + core.skewMs) return refused('REVOKED', 'ERR_SERVICE_REVOKED', { reason: 'too-often' })
      const status = nextServiceStatus(known.status, 'authenticate')
      if (status !== 'AUTHENTICATED') return refused('REVOKED', 'ERR_SERVICE_REVOKED', { reason: 'status' })
      const claims = accessTokenClaims({
        issuer: core.issuer,
        subject: service,
        audience,
        ...(scopes.length === 0 ? {} : { scope: scopes.join(' ') }),
        ...(boundTo === null ? {} : { boundTo: { thumbprint: boundTo } }),
        // RFC 8705 §3.1 binds it to the one that it is used with, which need not be the one that got it.
        revokedWith: ofCertificate(certificate === boundTo ? null : certificate),
        expiresInSeconds: request.expiresInSeconds ?? rules.tokenMs / 1000,
        maxExpiresInSeconds: rules.maxTokenMs / 1000,
        nowMs,
        notBeforeMs,
        randomBytes: core.randomBytes,
      })
      const { compact, kid } = await context.sign('at+jwt', claims)
      const issuedAtMs = claims.iat * 1000
      const expiresAtMs = claims.exp * 1000
      const tokenId = claims.jti
      const record: ServiceRecord = {
        ...known,
        status,
        tokenId,
        certificate,
        kid,
        issuedAtMs: Math.max(issuedAtMs, known.issuedAtMs),
        expiresAtMs,
        changedAtMs: nowMs,
      }
      const isMade = await core.revocations.commit({
        expect: [[key, stored?.version ?? null]],
        put: [
          writeServiceRecord(service, record, nowMs),
          {
            key: tokenKey(tokenId),
            value: writeTokenRecord(claims, kid, null),
            untilMs: rememberedUntil(context, expiresAtMs),
          },
        ],
        emit: context.events({ type: 'auth.service.authenticated', service, target: audience, tokenId, atMs: nowMs }),
      })
      if (isMade) return { status, accessToken: compact, tokenId, audience, scopes, boundTo, issuedAtMs, expiresAtMs }
    }
    return refused('UNAUTHORIZED', 'ERR_STATE_CONFLICT')
  }

  /** Where the record of the service was lost, the list still knows what was revoked: the token begins after it. */
  function revokedBefore(service: string, nowMs: number): number {
    const secondMs = Math.floor(nowMs / 1000) * 1000
    let fromMs = secondMs
    while (fromMs <= nowMs + core.skewMs && core.revocations.has('service', service, fromMs)) fromMs += 1000
    return fromMs
  }

  return async function authenticateService(request) {
    const startMs = performance.now()
    checkRequest(request, rules.maxTokenMs)
    const { service, audience, peer } = request
    let outcome: ServiceAuthentication
    try {
      const boundTo = request.boundTo ?? peer?.certificate?.['x5t#S256'] ?? null
      outcome =
        prove(request) ?? permit(request) ?? (await turns(`service ${service}`, () => retry.run(service, () => issue(request, boundTo))))
    } catch (fault) {
      if (fault instanceof MisuseError) throw fault
      const { code, facts } = refusalOfFault(fault)
      outcome = { ...refused('UNAUTHORIZED', code as OperationCode, facts), cause: fault }
    }
    figures.took('authenticate', startMs)
    // A name that nobody has is a caller's text.
    const name = rules.services.get(service) === undefined ? {} : { service }
    if (outcome.status === 'AUTHENTICATED') {
      figures.authenticated()
      note('service.authenticated', 'info', 'A service has proven itself and got a token', { service, audience, tokenId: outcome.tokenId })
      note('token.issued', 'info', 'A token was issued', { service, audience, tokenId: outcome.tokenId, bound: outcome.boundTo !== null })
    } else {
      figures.notAuthenticated(outcome.code)
      const message = 'A service got no token'
      note(
        'service.authentication-failed',
        'warn',
        message,
        { ...name, ...outcome.facts, status: outcome.status },
        outcome.code,
        outcome.cause,
      )
    }
    return outcome
  }
}

function refused(status: UnauthenticatedService['status'], code: OperationCode, facts: Facts = {}): UnauthenticatedService {
  return { status, code, facts }
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
