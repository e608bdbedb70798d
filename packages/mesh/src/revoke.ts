import {
  checkInteger,
  checkKeys,
  checkText,
  MisuseError,
  type Peer,
  type RevocationEntry,
  type RevocationKind,
  StateError,
} from '@countersign/core'
import { MAX_ROUNDS, type MeshContext, refusalOfFault } from './mesh-context.js'
import { isOperationRefusal, type OperationRefusal, refuseOperation } from './operation-refusal.js'
import { familyId, revocationEntry } from './revocation-entry.js'
import { checkReason, type RevocationReason } from './revocation-reason.js'
import { secondAfter } from './service/service-end.js'
import { readServiceRecord, type ServiceRecord, writeServiceRecord } from './service/service-record.js'
import { nextServiceStatus } from './service/service-status.js'
import { readTokenRecord } from './service/token-record.js'
import type { Sessions } from './session/sessions.js'
import { stateKey, tokenKey } from './state-keys.js'

/**
 * What no longer counts. `token`: by its `jti`, with what it can be refreshed by. `service`: all the tokens that it has so far, what it got
 * for others and what it acts in too; it may prove itself anew. `key`: by its `kid`, with all it has signed. `session`: by its id, with all
 * that hands it on. `certificate`: by its `x5t#S256`, with all that is bound to it, was got with it or came over it. With each goes whatever
 * was made from it: by exchange, by refresh, by handing a session on.
 */
export type Revocable =
  | { readonly token: string }
  | { readonly service: string }
  | { readonly key: string }
  | { readonly session: string }
  | { readonly certificate: string | Peer }

export interface RevokeOptions {
  readonly reason: RevocationReason
}

/** What came of it. */
export interface Revoked {
  readonly refused?: never
  readonly kind: RevocationKind
  /** `false`: this process obeys, and the store does not know yet: it is told again and again until it does. */
  readonly isStored: boolean
}

/** Makes `revoke`. There is no way back: nothing here takes a revocation away, and none runs out before what it is about. */
export function createRevoke(
  context: MeshContext,
  sessions: Sessions,
): (what: Revocable, options: RevokeOptions) => Promise<Revoked | OperationRefusal> {
  const { core, rules, figures, note } = context
  const { clock } = core.surroundings

  async function revokeToken(tokenId: string, reason: RevocationReason): Promise<void> {
    const nowMs = clock.nowMs()
    const [stored] = await core.store.read([tokenKey(tokenId)]).catch(() => [null])
    const known = readTokenRecord(stored)
    const end = known === null ? {} : { endMs: known.expiresAtMs }
    const token = revocationEntry(core, ['token', tokenId], { nowMs, reason, ...end })
    await core.revocations.commit({
      // What it can be refreshed by is as much in the hands of others as the token is.
      revoke: known?.family == null ? [token] : [token, revocationEntry(core, familyId(known.family), { nowMs, reason })],
      emit: context.events({
        type: 'auth.token.revoked',
        tokenId,
        reason,
        atMs: nowMs,
        ...(known === null ? {} : { service: known.subject }),
      }),
    })
  }

  /** Its tokens so far: whatever was issued up to the latest `iat` that it ever had, and to this second. */
  async function revokeService(service: string, reason: RevocationReason): Promise<void> {
    const key = stateKey('service', service)
    for (let round = 0; ; round++) {
      const [stored] = await core.store.read([key])
      const known = readServiceRecord(service, stored, core.revocations)
      const nowMs = clock.nowMs()
      const beforeMs = secondAfter(known, nowMs)
      const record: ServiceRecord = {
        ...known,
        status: nextServiceStatus(known.status, 'revoke') ?? known.status,
        revokedBeforeMs: beforeMs,
        changedAtMs: nowMs,
      }
      const isMade = await core.revocations.commit({
        // A revocation is never given up for others that are quicker: what they made meanwhile is revoked with the rest.
        ...(round < MAX_ROUNDS ? { expect: [[key, stored?.version ?? null] as const] } : {}),
        put: [writeServiceRecord(service, record, nowMs)],
        revoke: [revocationEntry(core, ['service', service], { nowMs, reason, issuedBeforeMs: beforeMs })],
        emit: context.events({ type: 'auth.service.revoked', service, reason, atMs: nowMs }),
      })
      if (isMade) return
    }
  }

  async function revokeForGood(target: Target, reason: RevocationReason): Promise<void> {
    const { kind, id } = target
    const atMs = clock.nowMs()
    const event =
      kind === 'key'
        ? ({ type: 'auth.key.revoked', keyId: id, reason, atMs } as const)
        : ({ type: 'auth.certificate.revoked', certificate: id, reason, atMs } as const)
    await core.revocations.commit({ revoke: [entryOf(target, reason)], emit: context.events(event) })
  }

  /** What is to be revoked, as far as it can be known without the store. */
  function entryOf({ kind, id, endMs }: Target, reason: RevocationReason): RevocationEntry {
    const nowMs = clock.nowMs()
    const before = kind === 'service' ? { issuedBeforeMs: 1000 * (1 + Math.floor((nowMs + core.skewMs) / 1000)) } : {}
    return revocationEntry(core, [kind, id], { nowMs, reason, ...before, ...(endMs === undefined ? {} : { endMs }) })
  }

  function carryOut(target: Target, reason: RevocationReason): Promise<void> {
    const { kind, id } = target
    switch (kind) {
      case 'token':
        return revokeToken(id, reason)
      case 'service':
        // Never behind others that wait for a store: it goes in between what they read and what they write.
        return revokeService(id, reason)
      case 'session':
        throw new TypeError('sessions are revoked by Sessions')
      case 'key':
      case 'certificate':
        return revokeForGood(target, reason)
    }
  }

  async function revokeSession(id: string, reason: RevocationReason): Promise<Revoked | OperationRefusal | null> {
    const status = await sessions.revoke(id, { reason })
    if (isOperationRefusal(status)) return status.code === 'ERR_STATE_UNAVAILABLE' ? null : status
    // Its record is gone, and somebody may have accepted it all the same: the list must say it.
    if (status === null) return null
    return { kind: 'session', isStored: true }
  }

  return async function revoke(what, options) {
    const reason = checkReason('options', options)
    const target = targetOf(what)
    if (target.kind === 'service' && rules.services.get(target.id) === undefined) return refuseOperation('ERR_SERVICE_UNKNOWN')
    let isStored = true
    if (target.kind === 'session') {
      const done = await revokeSession(target.id, reason)
      if (done !== null) return done
      isStored = false
    } else {
      try {
        await carryOut(target, reason)
      } catch (fault) {
        if (!(fault instanceof StateError)) return refusalOfFault(fault)
        isStored = false
      }
    }
    if (!isStored) {
      try {
        // Obeyed here at once, and kept until the store has it.
        await core.revocations.revoke([entryOf(target, reason)])
        isStored = true
      } catch (fault) {
        if (!(fault instanceof StateError)) return refusalOfFault(fault)
      }
    }
    figures.revoked(target.kind)
    note('evidence.revoked', 'warn', 'Something was revoked', { revoked: target.kind, id: target.id, reason, stored: isStored })
    return { kind: target.kind, isStored }
  }

  function targetOf(what: unknown): Target {
    checkKeys('what', what, ['token', 'service', 'key', 'session', 'certificate'])
    const [kind, ...others] = Object.keys(what) as RevocationKind[]
    if (kind === undefined || others.length > 0)
      throw new MisuseError('ERR_OPTION_INVALID', 'what', 'takes one of { token }, { service }, { key }, { session } and { certificate }')
    const given = what[kind]
    if (kind === 'certificate' && typeof given === 'object' && given !== null) {
      const { certificate } = given as Peer
      if (certificate === null || certificate === undefined)
        throw new MisuseError('ERR_OPTION_INVALID', 'what.certificate', "takes a peer with a certificate, or a certificate's x5t#S256")
      return { kind, id: certificate['x5t#S256'], endMs: certificate.validTo.getTime() }
    }
    const id = checkText(`what.${kind}`, given)
    checkInteger(`what.${kind}.length`, id.length, 1, 2048)
    return { kind, id }
  }
}

interface Target {
  readonly kind: RevocationKind
  readonly id: string
  /** Epoch milliseconds. */
  readonly endMs?: number
}
