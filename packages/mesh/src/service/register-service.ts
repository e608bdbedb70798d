import { checkBoolean, checkKeys, type Facts, MisuseError, type RevocationEntry } from '@countersign/core'
import { type ClientTls, createClientTls } from '@countersign/node'
import { pemBlocks, verifyCredential } from '@countersign/x509'
import { hasCurrentList } from '../current-list.js'
import { MAX_ROUNDS, type MeshContext, refusalOfFault } from '../mesh-context.js'
import { isOperationRefusal, type OperationRefusal, refuseOperation } from '../operation-refusal.js'
import { checkReason, type RevocationReason } from '../revocation-reason.js'
import { stateKey } from '../state-keys.js'
import { checkRegistration, type ServiceRegistration } from './check-registration.js'
import { CredentialTextError, readCredentialText } from './credential-text.js'
import type { Registration, Registrations } from './registrations.js'
import { endOf, secondAfter } from './service-end.js'
import { isEnded, readServiceRecord, type ServiceRecord, writeServiceRecord } from './service-record.js'
import { nextServiceStatus } from './service-status.js'
import type { ServiceWatch } from './service-watch.js'

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
    return { id, certificate: result.certificate, tls: tlsFrom(certificate, key, ca), apiKey }
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
      const known = readServiceRecord(id, stored, core.revocations)
      const nowMs = clock.nowMs()
      const { revoke = [], type } = also(known, nowMs)
      const isMade = await core.revocations.commit({
        expect: [[key, stored?.version ?? null]],
        put: [writeServiceRecord(id, next(known, nowMs), nowMs)],
        revoke,
        emit: context.events({ type, service: id, atMs: nowMs }),
      })
      if (isMade) return null
    }
    return refuseOperation('ERR_STATE_CONFLICT')
  }

  /** The first that has not ended: where the record was lost, the list still knows how many did, and where the list is behind, the record. */
  function nextRegistration(id: string, { registration, deregistered }: ServiceRecord): number {
    let next = deregistered ? registration + 1 : registration
    while (isEnded(core.revocations, id, next)) next++
    return next
  }

  async function registerOnce(request: ServiceRegistration): Promise<RegisteredService | OperationRefusal> {
    if (!(await hasCurrentList(core))) return refuseOperation('ERR_STATE_UNAVAILABLE', { reason: 'lease' })
    const prepared = await prepare(request)
    if (isOperationRefusal(prepared)) return prepared
    const refusal = await commit(
      request.id,
      (record, nowMs) => ({ ...record, deregistered: false, registration: nextRegistration(request.id, record), changedAtMs: nowMs }),
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
      (record, nowMs) => ({
        type: 'auth.service.deregistered',
        revoke: endOf(core, { id, record, registration, nowMs, reason, forGood }),
      }),
    )
    if (refusal !== null) return refusal
    registrations.remove(id)
    return { id }
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
            : await turns(stateKey('service', id), () => retry.run(id, () => registerOnce(request)))
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
            : await turns(stateKey('service', id), () => retry.run(id, () => deregisterOnce(id, reason, forGood)))
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

function tlsFrom(certificatePem: string, keyPem: string, caPem: string): ClientTls {
  try {
    return createClientTls({ certificatePem, keyPem, caPem })
  } catch (cause) {
    throw new CredentialTextError('unreadable', cause)
  }
}
