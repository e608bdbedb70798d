import { type Claim, type Clock, checkStateText, createLivingIds, StateError } from '@countersign/core'
import { CLAIM } from './claim-script.js'
import { endOf } from './revocation-record.js'
import { runScript, textOf } from './run-script.js'
import type { StoreParts } from './store-parts.js'

export interface Claims {
  claim(id: string, untilMs: number): Promise<Claim>
  /** Gives back to a store that has lost them the ids that were claimed here. `false`: not all of them are known any more. */
  restore(): Promise<boolean>
}

/** Commands that are on their way at once while claims are given back. */
const RESTORE_PAGE = 200

/**
 * What was used once. The store decides; but a store that is flushed forgets, and only whoever claimed an id knows of it then: so each process
 * remembers its own.
 * @param maxRemembered how many of them.
 */
export function createClaims({ connection, keys, life }: StoreParts, clock: Clock, maxRemembered: number): Claims {
  const mine = createLivingIds(maxRemembered)
  /** Until then something lives that was claimed here and could not be remembered. */
  let forgottenUntilMs = Number.NEGATIVE_INFINITY

  function remember(key: string, untilMs: number): void {
    if (!mine.add(key, untilMs, clock.nowMs())) forgottenUntilMs = Math.max(forgottenUntilMs, untilMs)
  }

  return {
    async claim(id, untilMs) {
      const key = keys.claim(checkStateText('id', id))
      const endMs = endOf(untilMs)
      const known = await life.knows()
      try {
        const [outcome, beat] = await runScript(connection, CLAIM, [keys.generation, keys.beats, key], [...known, endMs])
        if (outcome === 'again') return 'again'
        if (outcome !== 'first') return await life.refuse(known[1])
        life.heard(known[1], Number(textOf(beat)))
        remember(key, endMs)
        return 'first'
      } catch (error) {
        if (error instanceof StateError && error.reason === 'full') return 'full'
        // It may have been claimed: what is given back too much refuses, what is given back too little lets in.
        if (error instanceof StateError && error.reason === 'timeout') remember(key, endMs)
        throw error
      }
    },
    async restore() {
      const nowMs = clock.nowMs()
      const given = mine.alive(nowMs)
      for (let i = 0; i < given.length; i += RESTORE_PAGE)
        await Promise.all(
          given.slice(i, i + RESTORE_PAGE).map(([key, untilMs]) => connection.send(key, ['SET', key, '1', 'NX', 'PXAT', String(untilMs)])),
        )
      return forgottenUntilMs <= nowMs
    },
  }
}
