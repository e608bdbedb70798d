import type { StateChange } from '@countersign/core'
import { MAX_ROUNDS, type MeshContext } from '../mesh-context.js'
import { readServiceRecord, type ServiceRecord, writeServiceRecord } from '../service/service-record.js'
import { nextServiceStatus } from '../service/service-status.js'
import { stateKey } from '../state-keys.js'
import type { MintedToken } from './token-mint.js'

/**
 * What became of a change. `conflict`: something else that it expects is not so any more. `outdated`: what a service got before a moment was
 * revoked meanwhile, this token with it. `revoked`: it gets none any more.
 */
export type LedgerOutcome =
  | { readonly kind: 'committed' | 'conflict' | 'revoked' }
  | { readonly kind: 'outdated'; readonly revokedBeforeMs: number }

/** What a token stands on. */
export interface Standing {
  /** The service itself has proven who it is and got the token, by this certificate or without one. `null`: somebody acts for it. */
  readonly proof: { readonly certificate: string | null } | null
  /** What it was made from. `null`: it is the first. */
  readonly madeFrom: Origin | null
}

/** A token whose subject may be a service of the mesh. */
export interface LedgerEntry extends Standing {
  readonly subject: string
  /** The service that gets it: it has proven itself now. */
  readonly by: string
  readonly token: MintedToken
}

/** A token that another one is made from: whoever has a part in it must still stand, as of when it was issued. */
export interface Origin {
  /** Who has got it, or acts in it already, besides its subject. */
  readonly services: readonly string[]
  /** Epoch milliseconds; `null`: it is of another issuer, and the mesh has nothing of it to revoke. */
  readonly issuedAtMs: number | null
}

/** Commits tokens together with what the mesh knows of their services, so that no revocation and no token miss each other. */
export interface ServiceLedger {
  /** Rejects with a {@link StateError}. */
  commit(entry: LedgerEntry, change: StateChange): Promise<LedgerOutcome>
}

const COMMITTED: LedgerOutcome = Object.freeze({ kind: 'committed' })
const CONFLICT: LedgerOutcome = Object.freeze({ kind: 'conflict' })
const REVOKED: LedgerOutcome = Object.freeze({ kind: 'revoked' })

/** Makes the ledger of a mesh. */
export function createServiceLedger({ core, turns }: Pick<MeshContext, 'core' | 'turns'>): ServiceLedger {
  const { store, revocations, surroundings } = core

  async function commit(entry: LedgerEntry, change: StateChange): Promise<LedgerOutcome> {
    const standing = standingOf(entry)
    const services = [...standing.keys()]
    const keys = services.map((service) => stateKey('service', service))
    let refused: string | null = null
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const found = await store.read(keys)
      const [stored = null] = found
      const versions = found.map((record) => record?.version ?? null)
      // Nobody has changed the services: something else has changed.
      if (refused === versions.join()) return CONFLICT
      const known = readServiceRecord(entry.subject, stored, revocations)
      const records = services.map((service, at) => readServiceRecord(service, found[at], revocations))
      if (records.some(({ deregistered }) => deregistered)) return REVOKED
      // The store may know of an end before the list here does.
      const outdated = [...standing.values()].findIndex((issuedAtMs, at) => issuedAtMs < (records[at]?.revokedBeforeMs ?? 0))
      if (outdated !== -1) return { kind: 'outdated', revokedBeforeMs: records[outdated]?.revokedBeforeMs ?? 0 }
      const record =
        entry.proof === null ? touched(known, stored !== null, entry.token.issuedAtMs) : proven(known, entry, surroundings.clock.nowMs())
      if (record === 'illegal') return REVOKED
      const written = record === null ? [] : [[entry.subject, record] as const]
      for (const [at, service] of services.entries()) {
        // Whoever exchanges it may never have had a token of his own.
        const part = at === 0 ? null : touched(records[at], service === entry.by || found[at] !== null, entry.token.issuedAtMs)
        if (part !== null) written.push([service, part])
      }
      const isMade = await revocations.commit({
        ...change,
        expect: [...(change.expect ?? []), ...keys.map((one, at) => [one, versions[at] ?? null] as const)],
        put: [...(change.put ?? []), ...written.map(([service, one]) => writeServiceRecord(service, one, surroundings.clock.nowMs()))],
      })
      if (isMade) return COMMITTED
      refused = versions.join()
    }
    return CONFLICT
  }

  return { commit: (entry, change) => turns(stateKey('service', entry.subject), () => commit(entry, change)) }
}

/** Who must still stand, each by the oldest moment that something of it was issued: the subject first. */
function standingOf({ subject, by, token, madeFrom }: LedgerEntry): ReadonlyMap<string, number> {
  const { issuedAtMs } = token
  const oldestMs = Math.min(issuedAtMs, madeFrom?.issuedAtMs ?? issuedAtMs)
  const standing = new Map([subject, ...(madeFrom?.services ?? [])].map((service) => [service, oldestMs]))
  return standing.has(by) ? standing : standing.set(by, issuedAtMs)
}

/** The service has proven itself: this is its latest token. */
function proven(known: ServiceRecord, { token, proof }: LedgerEntry, nowMs: number): ServiceRecord | 'illegal' {
  const status = nextServiceStatus(known.status, 'authenticate')
  if (status === null) return 'illegal'
  const { tokenId, kid, issuedAtMs, expiresAtMs } = token
  return {
    ...known,
    status,
    tokenId,
    kid,
    certificate: proof?.certificate ?? null,
    issuedAtMs: Math.max(issuedAtMs, known.issuedAtMs),
    expiresAtMs,
    changedAtMs: nowMs,
  }
}

/** There is a token that it has a part in: a revocation of the service must reach it, by whatever clock. `null`: nothing to write. */
function touched(known: ServiceRecord | undefined, isKept: boolean, issuedAtMs: number): ServiceRecord | null {
  return known === undefined || !isKept || issuedAtMs <= known.issuedAtMs ? null : { ...known, issuedAtMs }
}
