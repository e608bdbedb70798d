export { createAdmission } from './admission.js'
export { createLimiter } from './limiter.js'
export { createMemoryQuotaStore, type MemoryQuotaStore, type MemoryQuotaStoreOptions } from './memory-store.js'
export type { LimitOptions, Quota, QuotaPolicy } from './options.js'
