import type { EventKind, Recorder, SecurityEvent } from '@countersign/core'
import { createWaitingList } from './waiting-list.js'

/** A recorder that keeps every event as a part of the guard reported it: before the audit log names, redacts and thins out its lines. */
export interface TestRecorder extends Recorder {
  readonly events: readonly SecurityEvent[]
  /** The events of one kind. */
  of(kind: EventKind): readonly SecurityEvent[]
  /** The codes of the denials, the precise ones, in order. */
  codes(): readonly (string | undefined)[]
  /**
   * The first event that matches, of those there are or else of those to come: for what happens in the background, such as a reload.
   * Rejects after `timeoutMs`, 10,000 by default.
   */
  waitFor(matches: (event: SecurityEvent) => boolean, timeoutMs?: number): Promise<SecurityEvent>
  clear(): void
}

/**
 * Makes a recorder for `audit: recorder`.
 * @example
 * const recorder = createTestRecorder()
 * const guard = createGuard({ mtls: { trust: mesh.trust }, jwt: null, authorize: [orders.id], audit: recorder })
 */
export function createTestRecorder(): TestRecorder {
  const list = createWaitingList<SecurityEvent>('event')
  const of = (kind: EventKind): readonly SecurityEvent[] => list.items.filter((event) => event.kind === kind)
  return {
    events: list.items,
    of,
    codes: () => of('request.denied').map(({ code }) => code),
    waitFor: list.waitFor,
    clear: list.clear,
    wants: () => true,
    record(event) {
      list.add(event)
      return true
    },
    async close() {},
  }
}
