export type { EventSink } from './event-sink.js'
export type { Revocations } from './revocations.js'
