import type { StateChange } from '@countersign/core'
import type { MeshCore } from '../mesh-core.js'
import { createTurns } from '../retry/turns.js'
import { readServiceRecord, type ServiceRecord, writeServiceRecord } from '../service/service-record.js'
import { nextServiceStatus } from '../service/service-status.js'
import { stateKey } from '../state-keys.js'
import type { MintedToken } from './token-mint.js'

/**
 * What became of a change. `conflict`: something else that it expects is not so any more. `outdated`: the tokens of the service were revoked
 * meanwhile, this one with them: another takes its place. `revoked`: it gets none any more.
 */
export type LedgerOutcome = 'committed' | 'conflict' | 'outdated' | 'revoked'

/** A token whose subject may be a service of the mesh. */
export interface LedgerEntry {
  readonly subject: string
  readonly token: MintedToken
  /** The service itself has proven who it is and got the token, by this certificate or without one. `null`: somebody acts for it. */
  readonly proof: { readonly certificate: string | null } | null
  /** What it was made from. `null`: it is the first. */
  readonly madeFrom: Origin | null
}

/** A token that another one is made from: whoever has a part in it must still stand, as of when it was issued. */
export interface Origin {
  /** Who has got it, or acts in it already, besides its subject. */
  readonly services: readonly string[]
  /** Who exchanges it: he has proven himself now. Default: its subject. */
  readonly by?: string
  /** Epoch milliseconds; `null`: it is of another issuer, and the mesh has nothing of it to revoke. */
  readonly issuedAtMs: number | null
}

/** Commits tokens together with what the mesh knows of their services, so that no revocation and no token miss each other. */
export interface ServiceLedger {
  /** Rejects with a {@link StateError}. */
  commit(entry: LedgerEntry, change: StateChange): Promise<LedgerOutcome>
}

/** So often is a change made anew where other processes change the same service. */
const MAX_ROUNDS = 16

/** Makes the ledger of a server. */
export function createServiceLedger(core: MeshCore): ServiceLedger {
  const { store, revocations, surroundings } = core
  const turns = createTurns()

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
      if (refused === versions.join()) return 'conflict'
      const known = readServiceRecord(entry.subject, stored, revocations)
      const records = services.map((service, at) => readServiceRecord(service, found[at], revocations))
      if (records.some(({ deregistered }) => deregistered)) return 'revoked'
      // The store may know of an end before the list here does.
      if ([...standing.values()].some((issuedAtMs, at) => issuedAtMs < (records[at]?.revokedBeforeMs ?? 0))) return 'outdated'
      const record =
        entry.proof === null ? touched(known, stored !== null, entry.token.issuedAtMs) : proven(known, entry, surroundings.clock.nowMs())
      if (record === 'illegal') return 'revoked'
      const written = record === null ? [] : [[entry.subject, record] as const]
      for (const [at, service] of services.entries()) {
        // Whoever exchanges it may never have had a token of his own.
        const part = at === 0 ? null : touched(records[at], service === entry.madeFrom?.by || found[at] !== null, entry.token.issuedAtMs)
        if (part !== null) written.push([service, part])
      }
      const isMade = await revocations.commit({
        ...change,
        expect: [...(change.expect ?? []), ...keys.map((one, at) => [one, versions[at] ?? null] as const)],
        put: [...(change.put ?? []), ...written.map(([service, one]) => writeServiceRecord(service, one, surroundings.clock.nowMs()))],
      })
      if (isMade) return 'committed'
      refused = versions.join()
    }
    return 'conflict'
  }

  return { commit: (entry, change) => turns(entry.subject, () => commit(entry, change)) }
}

/** Who must still stand, each by the oldest moment that something of it was issued: the subject first. */
function standingOf({ subject, token, madeFrom }: LedgerEntry): ReadonlyMap<string, number> {
  const { issuedAtMs } = token
  const oldestMs = Math.min(issuedAtMs, madeFrom?.issuedAtMs ?? issuedAtMs)
  const { services = [], by = subject } = madeFrom ?? {}
  const standing = new Map([subject, ...services].map((service) => [service, oldestMs]))
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
