import {
  type Code,
  checkKeys,
  checkText,
  isRefusal,
  MisuseError,
  type Peer,
  type Refusal,
  refuse,
  type Token,
  type TokenVerifier,
} from '@countersign/core'
import { createTokenVerifier } from '@countersign/token'
import type { DriftWatch } from '../drift.js'
import { jwtOptionsOf } from '../jwt-options.js'
import type { MeshContext } from '../mesh-context.js'
import { readToken } from '../read-token.js'
import type { ServiceStatus } from './service-status.js'

export interface ValidationRequest {
  /** Id of the service that validates: the token must be meant for it. */
  readonly audience: string
  /** The verified certificate of whoever has presented the token; `null` without one. */
  readonly peer: Peer | null
  /** Whose token it must be, by the service's id. Default: any service's. */
  readonly caller?: string
}

export type TokenValidation =
  | { readonly status: 'AUTHENTICATED'; readonly token: Token }
  | { readonly status: Exclude<ServiceStatus, 'AUTHENTICATED'>; readonly refusal: Refusal }

export interface ServiceTokenValidator {
  validate(token: string, request: ValidationRequest): Promise<TokenValidation>
  close(): Promise<void>
}

const WRONG_CALLER = Object.freeze(refuse('ERR_TOKEN_SUBJECT', Object.freeze({ reason: 'it is the token of another service' })))
const NO_SERVICE = Object.freeze(refuse('ERR_TOKEN_SUBJECT', Object.freeze({ reason: 'there is no such service' })))
const WRONG_AUDIENCE = Object.freeze(refuse('ERR_TOKEN_AUDIENCE'))

/** What a refusal says of the service; of every other one, that the token is none. */
const STATUS_OF: Partial<Record<Code, Exclude<ServiceStatus, 'AUTHENTICATED'>>> = {
  ERR_TOKEN_EXPIRED: 'EXPIRED',
  ERR_TOKEN_REVOKED: 'REVOKED',
  ERR_TOKEN_AUDIENCE: 'UNAUTHORIZED',
  ERR_TOKEN_SUBJECT: 'UNAUTHORIZED',
  ERR_TOKEN_BINDING: 'UNAUTHORIZED',
  ERR_TOKEN_UNBOUND: 'UNAUTHORIZED',
  ERR_TOKEN_REVOCATION_UNKNOWN: 'UNAUTHORIZED',
  ERR_KEYS_UNAVAILABLE: 'UNAUTHORIZED',
  ERR_GUARD_FAULT: 'UNAUTHORIZED',
}

/**
 * Makes the validation of tokens by hand: form, type, audience and time, which cost nothing, then the signature, then what was revoked, then
 * the binding, the caller and the service. The first that is wrong counts; nobody is asked about a token whose signature is wrong.
 */
export function createServiceTokenValidator(context: MeshContext, drift: DriftWatch): ServiceTokenValidator {
  const { core, rules, figures, note } = context
  // One for each service that validates here: no more than there are.
  const verifiers = new Map<string, TokenVerifier>()

  function verifierFor(audience: string): TokenVerifier | null {
    const known = verifiers.get(audience)
    if (known !== undefined) return known
    if (rules.services.get(audience) === undefined) return null
    const made = createTokenVerifier(jwtOptionsOf(core, rules, { audience }), core.surroundings)
    verifiers.set(audience, made)
    return made
  }

  async function judge(text: string, { audience, peer, caller }: ValidationRequest): Promise<Token | Refusal> {
    const verifier = verifierFor(audience)
    if (verifier === null) return WRONG_AUDIENCE
    const token = await readToken(verifier, text)
    if (isRefusal(token)) return token
    const unbound = verifier.bind(token, peer)
    if (unbound !== null) return unbound
    if (caller !== undefined && token.subject !== caller) return WRONG_CALLER
    return rules.services.get(token.subject) === undefined ? NO_SERVICE : token
  }

  return {
    async validate(text, request) {
      const startMs = performance.now()
      checkRequest(text, request)
      const judged = await judge(text, request)
      drift.see(judged)
      figures.took('validate', startMs)
      if (!isRefusal(judged)) {
        figures.validated('AUTHENTICATED')
        return { status: 'AUTHENTICATED', token: judged }
      }
      const status = STATUS_OF[judged.code] ?? 'INVALID'
      figures.validated(status)
      const { facts, code, cause } = judged
      note('token.refused', 'warn', 'A token of a service was refused', { ...facts, audience: request.audience, status }, code, cause)
      return { status, refusal: judged }
    },
    async close() {
      for (const verifier of verifiers.values()) await verifier.close()
    },
  }
}

function checkRequest(text: unknown, request: ValidationRequest): void {
  if (typeof text !== 'string') throw new MisuseError('ERR_OPTION_INVALID', 'token', 'takes the token as text')
  const given: unknown = request
  checkKeys('request', given, ['audience', 'peer', 'caller'])
  checkText('request.audience', request.audience)
  if (request.peer === undefined)
    throw new MisuseError('ERR_OPTION_MISSING', 'request.peer', 'is the verified certificate: principal.peer, or null')
  if (request.caller !== undefined) checkText('request.caller', request.caller)
}
