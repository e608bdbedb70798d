export type { StateStore } from '@countersign/core'
