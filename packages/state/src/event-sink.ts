import type { StateEvent } from '@countersign/core'

/** Takes events to where others hear of them. An event counts as delivered once this resolves; one that rejects is handed out again. */
export type EventSink = (event: StateEvent) => void | Promise<void>
