import { randomBytes } from 'node:crypto'
import { StateError } from '@countersign/core'
import type { Connection } from './connection.js'
import { type Generation, heirloomOf, newGeneration, readGeneration, writeGeneration } from './generation.js'
import { GENERATION } from './generation-script.js'
import type { Keys } from './keys.js'
import { runScript, textOf } from './run-script.js'
import type { Sealer } from './seal.js'

/** What this process knows of the life of the store's memory, and how it notices that it is another one. */
export interface Life {
  /** What a script that begins with `LIFE` wants: who asks, and what it knows. Learns it first where nothing is known. */
  knows(): Promise<readonly [caller: string, generation: string, beat: number]>
  /** A sign of life that the store has taken, for the generation that was known when it was asked. */
  heard(generation: string, beat: number): void
  /**
   * The generation that the store is in, as read together with a page of revocations. `null`: it is older than the one that was known,
   * so the store was put back; or this process had to say that it is not the first one.
   */
  adopt(text: string): Promise<Generation | null>
  /** The store's memory is not the one of this generation, which was known: begins a new one, unless another process has. */
  begin(missed: string): Promise<void>
  /** {@link begin}, for what cannot go on before the revocations have been read again. */
  refuse(missed: string): Promise<never>
  /** Tells the store since when it is complete again, once everybody had the time to give back what they know. */
  settle(afterMs: number): Promise<void>
}

const CALLER_BYTES = 12
/** Where no generation is known: the id of none. */
const NONE = '-'
/** A process that has not read revocations for so long does not: what is used once is its only business with the store. */
const READS_WITHIN_MS = 5_000

/** @param isNew an empty store that this process has not known is one that nobody has used yet, and not one that has lost what it held. */
export function createLife(connection: Connection, keys: Keys, sealer: Sealer, isNew: boolean): Life {
  const caller = randomBytes(CALLER_BYTES).toString('base64url')
  let known: Generation | null = null
  let beat = 0
  /** Since when the generation before the known one was complete. */
  let inheritedSinceMs: number | null = null
  /** The generation that this process has given everything back to that was known of the one before. */
  let rebuilt = NONE
  let adoptedAtMs = Number.NEGATIVE_INFINITY

  async function look(): Promise<readonly [nowMs: number, text: string]> {
    const [now, text] = await runScript(connection, GENERATION, [keys.generation], [])
    return [Number(textOf(now)), textOf(text)]
  }

  async function swap(was: string, next: Generation): Promise<void> {
    await runScript(connection, GENERATION, [keys.generation], [was, next.text])
  }

  function take(generation: Generation): void {
    // One that was lost before the store counted it as complete passes on what it had been given.
    if (known !== null && known.id !== generation.id && known.id !== rebuilt) inheritedSinceMs = heirloomOf(known)
    if (known?.id !== generation.id) beat = 0
    known = generation
  }

  async function adopt(text: string): Promise<Generation | null> {
    // Nearly always: the seal need not be checked again for the same text.
    if (known?.text === text) return known
    const generation = readGeneration(sealer, text)
    if (known !== null && generation.id !== known.id) {
      if (generation.beganMs <= known.beganMs) return null
      if (generation.isFirst) {
        // Whoever began it did not know: we do. Nothing of ours gets into it before that is said.
        await swap(text, writeGeneration(sealer, { ...generation, isFirst: false }))
        return null
      }
    }
    take(generation)
    return generation
  }

  async function begin(missed: string): Promise<void> {
    const [nowMs, text] = await look()
    // Another call of this process has learned meanwhile what is there.
    if ((known?.id ?? NONE) !== missed) return
    const there = text === '' ? null : readGeneration(sealer, text)
    if (there !== null) {
      // Another process has begun one already.
      if (known === null || (there.id !== known.id && there.beganMs > known.beganMs)) return
    }
    // Later than the one before, whatever the clock of the store says now: what is older was put back.
    const beganMs = Math.max(nowMs, (known?.beganMs ?? 0) + 1, (there?.beganMs ?? 0) + 1)
    await swap(text, newGeneration(sealer, beganMs, isNew && known === null))
  }

  return {
    async knows() {
      if (known === null) {
        await begin(NONE)
        const [, text] = await look()
        // Where it has gone meanwhile, the script says so.
        if (known === null && text !== '') take(readGeneration(sealer, text))
      }
      return [caller, known?.id ?? NONE, beat]
    },
    heard(generation, heardBeat) {
      if (known?.id === generation && heardBeat > beat) beat = heardBeat
    },
    adopt(text) {
      adoptedAtMs = performance.now()
      return adopt(text)
    },
    begin,
    async refuse(missed) {
      await begin(missed)
      // Nobody reads revocations here: nothing else would ever learn of the new generation.
      if (performance.now() - adoptedAtMs > READS_WITHIN_MS) {
        const [, text] = await look()
        if (text !== '') await adopt(text)
      }
      throw new StateError('unreachable', 'the store has lost what it held, and is not rebuilt yet')
    },
    async settle(afterMs) {
      if (known !== null && inheritedSinceMs !== null) rebuilt = known.id
      const [nowMs, text] = await look()
      if (text === '' || known === null || inheritedSinceMs === null) return
      const there = readGeneration(sealer, text)
      // Only the first is heard: the others say the same, and would put it off.
      if (there.id !== known.id || there.settledAtMs !== null) return
      await swap(text, writeGeneration(sealer, { ...there, inheritedSinceMs, settledAtMs: nowMs + afterMs }))
    },
  }
}
