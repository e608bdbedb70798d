export { createMeter, PROMETHEUS_CONTENT_TYPE, type PrometheusMeter } from './meter.js'
export type { AuditOptions, Logger } from './options.js'
export { createRecorder } from './recorder.js'
