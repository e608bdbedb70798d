import type { Connection } from './connection.js'
import type { Keys } from './keys.js'
import type { Life } from './life.js'
import type { Sealer } from './seal.js'

/** What every part of a store works with. */
export interface StoreParts {
  readonly connection: Connection
  readonly keys: Keys
  readonly sealer: Sealer
  readonly life: Life
}
