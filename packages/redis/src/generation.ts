import { randomBytes } from 'node:crypto'
import { SEAL_LENGTH, type Sealer } from './seal.js'

/**
 * One life of the store's memory. A store that was flushed, restarted empty, or put back to an older state begins another: what it holds no
 * longer tells everything that was revoked.
 */
export interface Generation {
  readonly id: string
  /** Epoch milliseconds of the store's clock, as everything here. What was issued before cannot be judged by what is in the store. */
  readonly beganMs: number
  /** Since when the generation before it was complete, told by a process that had a current view of it and has given that back. */
  readonly inheritedSinceMs: number | null
  /** From then on the others have given back theirs too, and what is inherited counts. */
  readonly settledAtMs: number | null
  /** As it is in the store. */
  readonly text: string
}

/** Bytes of the id of a generation: enough that no two are ever the same. */
const ID_BYTES = 16
const ID_LENGTH = 22
const FORM = new RegExp(`^[\\w-]{${ID_LENGTH}}\\.([\\w-]{${SEAL_LENGTH}})\\.(.+)$`, 's')

export function writeGeneration(
  sealer: Sealer,
  id: string,
  beganMs: number,
  inheritedSinceMs: number | null = null,
  settledAtMs: number | null = null,
): Generation {
  const json = JSON.stringify([id, beganMs, inheritedSinceMs, settledAtMs])
  return { id, beganMs, inheritedSinceMs, settledAtMs, text: `${id}.${sealer.seal('generation', json)}.${json}` }
}

export function newGeneration(sealer: Sealer, nowMs: number): Generation {
  return writeGeneration(sealer, randomBytes(ID_BYTES).toString('base64url'), nowMs)
}

/** @throws {StateError} `tampered`. */
export function readGeneration(sealer: Sealer, text: string): Generation {
  const [, seal, json] = FORM.exec(text) ?? []
  if (seal === undefined || json === undefined) throw sealer.tampered('generation')
  sealer.check(seal, 'generation', json)
  const [id, beganMs, inheritedSinceMs, settledAtMs] = JSON.parse(json) as [string, number, number | null, number | null]
  // The script compares what stands first, which no seal covers.
  if (!text.startsWith(`${id}.`)) throw sealer.tampered('generation')
  return { id, beganMs, inheritedSinceMs, settledAtMs, text }
}

/** Since when what is in the store tells everything. */
export function completeSinceMs({ beganMs, inheritedSinceMs, settledAtMs }: Generation, nowMs: number): number {
  return inheritedSinceMs !== null && settledAtMs !== null && nowMs >= settledAtMs ? Math.min(inheritedSinceMs, beganMs) : beganMs
}
