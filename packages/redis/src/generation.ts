import { randomBytes } from 'node:crypto'
import { SEAL_LENGTH, type Sealer } from './seal.js'

/**
 * One life of the store's memory. A store that was flushed, restarted empty, or put back to an older state begins another: what it holds no
 * longer tells everything that was revoked.
 */
export interface Generation {
  readonly id: string
  /** Epoch milliseconds of the store's clock, as everything here. */
  readonly beganMs: number
  /** Nothing was there before it. Otherwise what was issued before it cannot be judged by what is in the store. */
  readonly isFirst: boolean
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

type Written = [id: string, beganMs: number, isFirst: boolean, inheritedSinceMs: number | null, settledAtMs: number | null]

/** All of time, where JSON has no infinity. */
const ALWAYS_MS = 0

export function writeGeneration(sealer: Sealer, generation: Omit<Generation, 'text'>): Generation {
  const { id, beganMs, isFirst, inheritedSinceMs, settledAtMs } = generation
  const inherited = inheritedSinceMs === Number.NEGATIVE_INFINITY ? ALWAYS_MS : inheritedSinceMs
  const json = JSON.stringify([id, beganMs, isFirst, inherited, settledAtMs] satisfies Written)
  return { ...generation, text: `${id}.${sealer.seal('generation', json)}.${json}` }
}

export function newGeneration(sealer: Sealer, beganMs: number, isFirst: boolean): Generation {
  const id = randomBytes(ID_BYTES).toString('base64url')
  return writeGeneration(sealer, { id, beganMs, isFirst, inheritedSinceMs: null, settledAtMs: null })
}

/** @throws {StateError} `tampered`. */
export function readGeneration(sealer: Sealer, text: string): Generation {
  const [, seal, json] = FORM.exec(text) ?? []
  if (seal === undefined || json === undefined) throw sealer.tampered('generation')
  sealer.check(seal, 'generation', json)
  const [id, beganMs, isFirst, inherited, settledAtMs] = JSON.parse(json) as Written
  // The script compares what stands first, which no seal covers.
  if (!text.startsWith(`${id}.`)) throw sealer.tampered('generation')
  return { id, beganMs, isFirst, inheritedSinceMs: inherited === ALWAYS_MS ? Number.NEGATIVE_INFINITY : inherited, settledAtMs, text }
}

/** Since when what is in the store tells everything. */
export function completeSinceMs({ beganMs, isFirst, inheritedSinceMs, settledAtMs }: Generation, nowMs: number): number {
  if (isFirst) return Number.NEGATIVE_INFINITY
  return inheritedSinceMs !== null && settledAtMs !== null && nowMs >= settledAtMs ? Math.min(inheritedSinceMs, beganMs) : beganMs
}

/** What the generation after this one inherits from a process that knew all of this one. */
export function heirloomOf({ beganMs, isFirst, inheritedSinceMs }: Generation): number {
  return isFirst ? Number.NEGATIVE_INFINITY : (inheritedSinceMs ?? beganMs)
}
