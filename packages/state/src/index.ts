export type { EventSink } from './event-sink.js'
export { createMemoryStateStore, type MemoryStateStoreOptions } from './memory-state-store.js'
export { createRevocations, type Revocations } from './revocations.js'
export type { RevocationsOptions } from './revocations-options.js'
