import { checkInteger, checkKeys, joinPath } from '@countersign/core'

/** When failed attempts lock, and for how long. */
export interface ApiKeyLockOptions {
  /** 1 to 100. Default 5. */
  readonly failures?: number
  /** Within so many seconds, 1 to 86400. Default 300. */
  readonly windowSeconds?: number
  /** 1 to 86400. Default 1800. */
  readonly lockSeconds?: number
  /** How many addresses, keys and pairs of them are counted by themselves, 100 to 1,000,000. Others share coarse counts. Default 100,000, about 30 MB. */
  readonly maxEntries?: number
}

/** {@link ApiKeyLockOptions}, checked. Frozen. */
export interface LockRules {
  readonly failures: number
  readonly windowMs: number
  readonly lockMs: number
  readonly maxEntries: number
}

const DAY_SECONDS = 86_400

/** @throws {MisuseError} */
export function checkLockOptions(option: string, lock: unknown): LockRules {
  checkKeys(option, lock, ['failures', 'windowSeconds', 'lockSeconds', 'maxEntries'])
  const integer = (key: string, whenLeftOut: number, min: number, max: number): number =>
    checkInteger(joinPath(option, key), lock[key] ?? whenLeftOut, min, max)
  return Object.freeze({
    failures: integer('failures', 5, 1, 100),
    windowMs: 1000 * integer('windowSeconds', 300, 1, DAY_SECONDS),
    lockMs: 1000 * integer('lockSeconds', 1800, 1, DAY_SECONDS),
    maxEntries: integer('maxEntries', 100_000, 100, 1_000_000),
  })
}
