import type { Recorder, SecurityEvent } from '@countersign/core'

/** Keeps every event, and can be told to fail as a full disk does. */
export interface MemoryRecorder extends Recorder {
  readonly events: readonly SecurityEvent[]
}

export function memoryRecorder({ loses = false } = {}): MemoryRecorder {
  const events: SecurityEvent[] = []
  return {
    events,
    wants: () => true,
    record(event) {
      events.push(event)
      return !(loses && event.kind === 'request.allowed')
    },
    close: async () => {},
  }
}
