import { createSecureContext, type SecureContext } from 'node:tls'
import { checkBoolean, checkKeys, checkText, type Facts, MisuseError, type RevocationEntry } from '@countersign/core'
import { type ApiKeyRecord, readKeyRecord } from '@countersign/token'
import { pemBlocks, verifyCredential } from '@countersign/x509'
import { MAX_ROUNDS, type MeshContext, refusalOfFault, rememberedUntil } from '../mesh-context.js'
import { isOperationRefusal, type OperationRefusal, refuseOperation } from '../operation-refusal.js'
import { checkReason, type RevocationReason } from '../revocation-reason.js'
import { stateKey } from '../state-keys.js'
import { type CredentialText, CredentialTextError, checkCredentialText, readCredentialText } from './credential-text.js'
import type { Registration, Registrations } from './registrations.js'
import { readServiceRecord, SERVICE_RECORD_MS, type ServiceRecord, writeServiceRecord } from './service-record.js'
import { nextServiceStatus } from './service-status.js'
import type { ServiceWatch } from './service-watch.js'

/** The credentials of a service that this process speaks for. */
export interface ServiceRegistration {
  /** Its id: the certificate must hold this very name. */
  readonly id: string
  /** Its own certificate first, then its intermediates. */
  readonly certificate: CredentialText
  /** The private key, not encrypted; a file that its owner alone may open. It goes into the TLS context, and is not kept beside it. */
  readonly key: CredentialText
  /** The CAs that the certificate must come from, and that those of the services it calls must come from. */
  readonly ca: CredentialText
  /** The record of its API key, never the key. Default: none. */
  readonly apiKey?: ApiKeyRecord | null
  /** Where files must lie: paths and links that lead out of it are refused. Default: they may lie anywhere. */
  readonly credentialsDir?: string
}

export interface RegisteredService {
  readonly refused?: never
  readonly id: string
  /** `x5t#S256` */
  readonly certificate: string
  /** Epoch milliseconds. */
  readonly expiresAtMs: number
}

export interface DeregisterOptions {
  readonly reason?: RevocationReason
  /** It never comes back under this id. Default `false`: it may be registered again, with another certificate. */
  readonly forGood?: boolean
}

export interface Registry {
  register(request: ServiceRegistration): Promise<RegisteredService | OperationRefusal>
  deregister(id: string, options?: DeregisterOptions): Promise<{ readonly refused?: never; readonly id: string } | OperationRefusal>
}

const KEYS = ['id', 'certificate', 'key', 'ca', 'apiKey', 'credentialsDir']
/** An id that is gone for good: longer than anything that was made for it lives. */
const FOR_GOOD_MS = 10 * 366 * 86_400_000

/**
 * Makes registration. Everything that can fail comes before the one commit, and nothing is changed by it; after the commit there is nothing
 * that can. So there is nothing to roll back: a service that was registered before stays so until the new credentials hold.
 */
export function createRegistry(context: MeshContext, registrations: Registrations, watch: ServiceWatch): Registry {
  const { core, rules, retry, turns, note } = context
  const { clock } = core.surroundings

  async function prepare(request: ServiceRegistration): Promise<Omit<Registration, 'isNoticed'> | OperationRefusal> {
    const { id, apiKey = null, credentialsDir = null } = request
    const [certificate, key, ca] = await Promise.all([
      readCredentialText(request.certificate, credentialsDir, false),
      readCredentialText(request.key, credentialsDir, true),
      readCredentialText(request.ca, credentialsDir, false),
    ])
    const anchors = pemBlocks(ca, 'CERTIFICATE')
    if (anchors === null || anchors.length === 0) return refuseOperation('ERR_PEER_UNTRUSTED', { reason: 'no-anchors' })
    if (key.trim() === '' || certificate.trim() === '') return refuseOperation('ERR_CREDENTIAL_UNREADABLE', { reason: 'empty' })
    const nowMs = clock.nowMs()
    const result = verifyCredential({ certificate, key, anchors, id, time: nowMs })
    if (!result.valid) return refuseOperation(result.code, result.facts)
    const thumbprint = result.certificate['x5t#S256']
    if (core.revocations.has('certificate', thumbprint, nowMs)) return refuseOperation('ERR_SERVICE_REVOKED', { reason: 'certificate' })
    if (core.revocations.has('service', id, Number.MAX_SAFE_INTEGER)) return refuseOperation('ERR_SERVICE_REVOKED', { reason: 'service' })
    if (apiKey !== null && apiKey.owner !== id) return refuseOperation('ERR_SERVICE_MISMATCH', { reason: 'api-key' })
    return { id, certificate: result.certificate, context: contextFrom(certificate, key, ca), apiKey }
  }

  /** Changes the record of a service, with what goes with it. */
  async function commit(
    id: string,
    next: (record: ServiceRecord, nowMs: number) => ServiceRecord,
    also: (
      record: ServiceRecord,
      nowMs: number,
    ) => { readonly revoke?: readonly RevocationEntry[]; readonly type: 'auth.service.registered' | 'auth.service.deregistered' },
  ): Promise<OperationRefusal | null> {
    const key = stateKey('service', id)
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const [stored] = await core.store.read([key])
      const known = readServiceRecord(stored)
      const nowMs = clock.nowMs()
      const { revoke = [], type } = also(known, nowMs)
      const isMade = await core.revocations.commit({
        expect: [[key, stored?.version ?? null]],
        put: [{ key, value: writeServiceRecord(next(known, nowMs)), untilMs: nowMs + SERVICE_RECORD_MS }],
        revoke,
        emit: context.events({ type, service: id, atMs: nowMs }),
      })
      if (isMade) return null
    }
    return refuseOperation('ERR_STATE_CONFLICT')
  }

  async function registerOnce(request: ServiceRegistration): Promise<RegisteredService | OperationRefusal> {
    const prepared = await prepare(request)
    if (isOperationRefusal(prepared)) return prepared
    const refusal = await commit(
      request.id,
      (record, nowMs) => ({ ...record, deregistered: false, changedAtMs: nowMs }),
      () => ({ type: 'auth.service.registered' }),
    )
    if (refusal !== null) return refusal
    registrations.set({ ...prepared, isNoticed: false })
    return { id: request.id, certificate: prepared.certificate['x5t#S256'], expiresAtMs: prepared.certificate.validTo.getTime() }
  }

  async function deregisterOnce(
    id: string,
    reason: RevocationReason,
    forGood: boolean,
  ): Promise<{ readonly id: string } | OperationRefusal> {
    const registration = registrations.get(id)
    const refusal = await commit(
      id,
      (record, nowMs) => ({
        ...record,
        status: nextServiceStatus(record.status, 'deregister') ?? record.status,
        deregistered: true,
        revokedBeforeMs: secondAfter(record, nowMs),
        changedAtMs: nowMs,
      }),
      (record, nowMs) => ({ type: 'auth.service.deregistered', revoke: revocationsOf(id, record, registration, nowMs, reason, forGood) }),
    )
    if (refusal !== null) return refusal
    registrations.remove(id)
    return { id }
  }

  function secondAfter({ issuedAtMs, revokedBeforeMs }: ServiceRecord, nowMs: number): number {
    return 1000 * (1 + Math.floor(Math.max(nowMs, issuedAtMs, revokedBeforeMs - 1000) / 1000))
  }

  /** Its tokens, the certificates that it has shown, its API key. */
  function revocationsOf(
    id: string,
    record: ServiceRecord,
    registration: Registration | undefined,
    nowMs: number,
    reason: RevocationReason,
    forGood: boolean,
  ): readonly RevocationEntry[] {
    const beforeMs = secondAfter(record, nowMs)
    const certificates = new Set([record.certificate, registration?.certificate['x5t#S256'] ?? null])
    const entry = (
      kind: RevocationEntry['kind'],
      of: string,
      untilMs: number,
      issuedBeforeMs = Number.POSITIVE_INFINITY,
    ): RevocationEntry => ({
      kind,
      id: of,
      issuedBeforeMs,
      untilMs: rememberedUntil(context, untilMs),
      revokedAtMs: nowMs,
      reason,
    })
    return [
      forGood ? entry('service', id, nowMs + FOR_GOOD_MS) : entry('service', id, beforeMs + rules.maxTokenMs, beforeMs),
      ...[...certificates].filter((one) => one !== null).map((one) => entry('certificate', one, nowMs + FOR_GOOD_MS)),
      ...(registration?.apiKey ? [entry('token', registration.apiKey.id, registration.apiKey.expiresAtMs)] : []),
    ]
  }

  return {
    async register(request) {
      checkRegistration(request)
      const { id } = request
      let outcome: RegisteredService | OperationRefusal
      try {
        outcome =
          rules.services.get(id) === undefined
            ? refuseOperation('ERR_SERVICE_UNKNOWN')
            : await turns(`service ${id}`, () => retry.run(id, () => registerOnce(request)))
      } catch (fault) {
        if (fault instanceof MisuseError) throw fault
        outcome = refusalOf(fault)
      }
      if (isOperationRefusal(outcome)) {
        note(
          'service.authentication-failed',
          'warn',
          'A service was not registered',
          { ...named(id), ...outcome.facts },
          outcome.code,
          outcome.cause,
        )
        return outcome
      }
      note('service.registered', 'info', 'A service was registered', { service: id })
      return outcome
    },
    async deregister(id, options = {}) {
      const given: unknown = options
      checkKeys('options', given, ['reason', 'forGood'])
      const forGood = checkBoolean('options.forGood', given['forGood'] ?? false)
      const reason = checkReason('options', { reason: given['reason'] ?? 'deregistered' })
      let outcome: { readonly id: string } | OperationRefusal
      try {
        outcome =
          rules.services.get(id) === undefined
            ? refuseOperation('ERR_SERVICE_UNKNOWN')
            : await turns(`service ${id}`, () => retry.run(id, () => deregisterOnce(id, reason, forGood)))
      } catch (fault) {
        if (fault instanceof MisuseError) throw fault
        outcome = refusalOfFault(fault)
      }
      if (isOperationRefusal(outcome)) return outcome
      await watch.sync()
      note('service.deregistered', 'info', 'A service was deregistered', { service: id, reason, forGood })
      return outcome
    },
  }

  function named(id: string): Facts {
    return rules.services.get(id) === undefined ? {} : { service: id }
  }
}

function refusalOf(fault: unknown): OperationRefusal {
  if (!(fault instanceof CredentialTextError)) return refusalOfFault(fault)
  return refuseOperation('ERR_CREDENTIAL_UNREADABLE', { reason: fault.flaw }, fault)
}

/** What the service calls others with. OpenSSL parses all of it now, not at the first call. */
function contextFrom(certificate: string, key: string, ca: string): SecureContext {
  try {
    return createSecureContext({ cert: certificate, key, ca, minVersion: 'TLSv1.2' })
  } catch (cause) {
    throw new CredentialTextError('unreadable', cause)
  }
}

function checkRegistration(request: ServiceRegistration): void {
  const given: unknown = request
  checkKeys('request', given, KEYS)
  checkText('request.id', request.id)
  for (const part of ['certificate', 'key', 'ca'] as const) {
    if (given[part] === undefined)
      throw new MisuseError('ERR_OPTION_MISSING', `request.${part}`, "takes { file: '….pem' }, { pem } or a function")
    checkCredentialText(`request.${part}`, given[part])
  }
  if (request.credentialsDir !== undefined) checkText('request.credentialsDir', request.credentialsDir)
  if (request.apiKey === undefined || request.apiKey === null) return
  const flaw = readKeyRecord(request.apiKey)
  if (typeof flaw === 'string') throw new MisuseError('ERR_OPTION_INVALID', 'request.apiKey', `takes the record of a key: ${flaw}`)
}
