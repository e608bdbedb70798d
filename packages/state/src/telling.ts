import { inTime, type RevocationEntry, type StateStore, storeIsLate } from '@countersign/core'
import type { OwnRevocations } from './own-revocations.js'
import type { RevocationSet } from './revocation-set.js'
import type { RevocationsReport } from './revocations-report.js'

/** Tells the store what it has lost, and what it has not heard of. */
export interface Telling {
  /** The store has lost what it held. @param isComplete we knew all of that. */
  restore(isComplete: boolean): void
  /** Commits entries that this process revokes. @throws {StateError} the store does not have them; it is told again. */
  commit(entries: readonly RevocationEntry[]): Promise<void>
  /** Tells what there is to tell. Never rejects: what fails is tried again with the next call. */
  tell(): Promise<void>
}

/** Entries that are committed or restored at once: some 200 KB. */
export const TOLD_AT_ONCE = 1_000
/** A revocation may wait longer than a heartbeat: whoever asks for it wants to know. */
const TIMEOUT_MS = 5_000

/** @param round of the pull that was asked last. */
export function createTelling(
  store: StateStore,
  set: RevocationSet,
  own: OwnRevocations,
  report: RevocationsReport,
  round: () => number,
): Telling {
  let restoring: Restoring | null = null
  let isTelling = false

  async function restoreFrom(part: Restoring): Promise<void> {
    const { entries, next } = set.page(part.place, TOLD_AT_ONCE)
    await inTime(store.revocations.restore(entries, next === null && part.isComplete), TIMEOUT_MS, storeIsLate)
    // The store may have been lost once more meanwhile.
    if (restoring !== part) return
    if (next === null) restoring = null
    else part.place = next
  }

  async function commit(entries: readonly RevocationEntry[]): Promise<void> {
    own.begin(entries)
    try {
      await inTime(store.commit({ revoke: entries }), TIMEOUT_MS, storeIsLate)
      own.committed(entries, round())
    } catch (error) {
      own.failed(entries)
      throw error
    }
  }

  return {
    restore(isComplete) {
      restoring = { place: 0, isComplete }
    },
    commit,
    async tell() {
      if (isTelling) return
      isTelling = true
      try {
        while (restoring !== null) await restoreFrom(restoring)
        for (let untold = own.untold(TOLD_AT_ONCE); untold.length > 0; untold = own.untold(TOLD_AT_ONCE)) await commit(untold)
      } catch (error) {
        report.failed(error)
      } finally {
        isTelling = false
      }
    },
  }
}

/** What the store has to be given back. */
interface Restoring {
  /** How far that has come. */
  place: number
  readonly isComplete: boolean
}
