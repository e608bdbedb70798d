import { checkChoice, checkInteger, checkKeys, isRevocationList, joinPath, kindOf, MisuseError } from '@countersign/core'
import type { Revocation } from './revocation.js'

const MAX_STALE_SECONDS = 7 * 86_400

/**
 * Checks a revocation list among options.
 * @throws {MisuseError}
 */
export function checkRevocation(option: string, revocation: unknown, skewMs: number): Revocation | null {
  if (revocation === undefined || revocation === null) return null
  if (isRevocationList(revocation))
    throw new MisuseError(
      'ERR_OPTION_INVALID',
      option,
      'takes { list: … }, not the list itself: write revocation: { list: mesh.revocations }',
    )
  checkKeys(option, revocation, ['list', 'whenUnavailable'])
  const { list } = revocation
  if (!isRevocationList(list)) {
    throw new MisuseError(
      'ERR_OPTION_INVALID',
      joinPath(option, 'list'),
      `takes an object with has(kind, id) and ageMs, not ${kindOf(list)}`,
    )
  }
  const { whenUnavailable = 'refuse' } = revocation
  const maxAgeMs = whenUnavailable === 'refuse' ? null : 1000 * checkStale(joinPath(option, 'whenUnavailable'), whenUnavailable, 0)
  return Object.freeze({ list, maxAgeMs, skewMs })
}

/**
 * Reads how long what was known before may serve.
 * @param whenRefused what `'refuse'` means.
 * @returns seconds.
 * @throws {MisuseError}
 */
export function checkStale(option: string, whenUnavailable: unknown, whenRefused: number): number {
  if (whenUnavailable === 'refuse') return whenRefused
  if (typeof whenUnavailable === 'string') return checkChoice(option, whenUnavailable, ['refuse']) && whenRefused
  checkKeys(option, whenUnavailable, ['staleSeconds'])
  return checkInteger(joinPath(option, 'staleSeconds'), whenUnavailable['staleSeconds'], 1, MAX_STALE_SECONDS)
}
