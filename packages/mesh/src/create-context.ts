import { RefusedError } from '@countersign/core'
import { decodeToken } from '@countersign/token'
import type { CheckedMeshOptions } from './check-options.js'
import { stateEventFrom } from './events/mesh-event.js'
import { createFigures } from './figures.js'
import type { MeshContext } from './mesh-context.js'
import type { MeshCore } from './mesh-core.js'
import { createRetry } from './retry/retry.js'
import { createTurns } from './retry/turns.js'

/** 128 random bits: as many as nobody guesses and no two share. */
const ID_BYTES = 16

/** Makes what the operations of a mesh share. */
export function createMeshContext(core: MeshCore, rules: CheckedMeshOptions, signal: AbortSignal): MeshContext {
  const { recorder, meter, clock } = core.surroundings
  const { random, sleep } = rules.runtime

  function newId(): string {
    return Buffer.from(core.randomBytes(ID_BYTES)).toString('base64url')
  }

  return Object.freeze<MeshContext>({
    core,
    rules,
    retry: createRetry(rules.retry, { clock, random, sleep, signal }),
    turns: createTurns(),
    figures: createFigures(meter),
    async sign(typ, claims) {
      const compact = await core.keys.sign(typ, claims)
      const { kid } = decodeToken(compact).header
      // Revoked a moment ago, and not replaced yet: what it has signed counts nowhere.
      if (typeof kid !== 'string' || core.revocations.has('key', kid, clock.nowMs()))
        throw new RefusedError('ERR_KEYS_UNAVAILABLE', 'The signing key was revoked, and the next one is not there yet')
      return { compact, kid }
    },
    events: (event) => [stateEventFrom({ ...event, id: newId(), issuer: core.issuer })],
    note(kind, severity, message, facts, code, cause) {
      if (!recorder.wants(kind)) return
      recorder.record({
        kind,
        severity,
        message,
        facts,
        ...(code === undefined ? {} : { code }),
        ...(cause === undefined ? {} : { cause }),
      })
    },
    newId,
  })
}
