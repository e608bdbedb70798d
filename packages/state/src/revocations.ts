import type { RevocationEntry, RevocationList, StateChange } from '@countersign/core'

/** What has been revoked anywhere in the mesh, kept current in this process. */
export interface Revocations extends RevocationList {
  readonly leaseMs: number
  readonly epoch: number
  readonly completeSinceMs: number
  /** Entries that are alive. */
  readonly size: number
  /** Commits entries, and obeys them here at once. Resolves once the store has them: from then on every process does within `leaseMs`. */
  revoke(entries: readonly RevocationEntry[]): Promise<void>
  /** {@link StateStore.commit}, for a change that may revoke: what it revokes is obeyed here as soon as it is committed. */
  commit(change: StateChange): Promise<boolean>
  /** The first whole view is loaded. Rejects if the store cannot be reached, or must not be used. */
  ready(): Promise<void>
  close(): Promise<void>
}
