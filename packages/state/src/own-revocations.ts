import { mergeRevocations, type RevocationEntry } from '@countersign/core'

/**
 * What this process has revoked and the store has not shown back yet. A store that fails over may lose what it has said yes to, and one
 * that cannot be reached has never heard of it: either way it is told again until it shows it.
 */
export interface OwnRevocations {
  /** The store is being told. */
  begin(entries: readonly RevocationEntry[]): void
  /** The store said yes. @param round of the pull that was asked last. */
  committed(entries: readonly RevocationEntry[], round: number): void
  /** The store said no, or nothing. */
  failed(entries: readonly RevocationEntry[]): void
  /** The store has shown an entry. */
  shown(entry: RevocationEntry): void
  /** A pull that left nothing out is over: what had been committed before it was asked, and was not shown, is lost and to be told again. */
  settle(round: number, storeNowMs: number): void
  /** Up to `count` that the store has to be told. */
  untold(count: number): readonly RevocationEntry[]
}

interface Own {
  readonly entry: RevocationEntry
  /** `round` of the last pull that was asked before the store said yes. */
  state: 'untold' | 'telling' | { readonly round: number }
}

export function createOwnRevocations(): OwnRevocations {
  const own = new Map<string, Own>()

  function setState(entries: readonly RevocationEntry[], state: Own['state']): void {
    for (const entry of entries) {
      const one = own.get(keyOf(entry))
      // Another one of the same id has come meanwhile: it is told for itself.
      if (one?.entry === entry) one.state = state
    }
  }

  return {
    begin(entries) {
      for (const entry of entries) own.set(keyOf(entry), { entry, state: 'telling' })
    },
    committed: (entries, round) => setState(entries, { round }),
    failed: (entries) => setState(entries, 'untold'),
    shown(entry) {
      if (own.size === 0) return
      const one = own.get(keyOf(entry))
      if (one !== undefined && mergeRevocations(entry, one.entry) === entry) own.delete(keyOf(entry))
    },
    settle(round, storeNowMs) {
      for (const [key, one] of own) {
        if (one.entry.untilMs <= storeNowMs) own.delete(key)
        else if (typeof one.state === 'object' && one.state.round < round) one.state = 'untold'
      }
    },
    untold(count) {
      const entries: RevocationEntry[] = []
      for (const { entry, state } of own.values()) {
        if (entries.length >= count) break
        if (state === 'untold') entries.push(entry)
      }
      return entries
    },
  }
}

// Kinds are words of ours, without a space.
function keyOf({ kind, id }: RevocationEntry): string {
  return `${kind} ${id}`
}
