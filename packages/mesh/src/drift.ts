import { isRefusal, type Refusal, type Token } from '@countersign/core'
import type { MeshContext } from './mesh-context.js'

/** Sees clocks that are ahead of ours, in what they have signed. */
export interface DriftWatch {
  see(judged: Token | Refusal): void
}

// One process whose clock is wrong signs all its tokens so: once a minute is enough to be told of it.
const QUIET_MS = 60_000

/** Makes the watch: a gauge with every token that is of the future, and a warning where it is too far ahead. */
export function createDriftWatch({ core, rules, figures, note }: Pick<MeshContext, 'core' | 'rules' | 'figures' | 'note'>): DriftWatch {
  const { clock } = core.surroundings
  let toldAtMs = Number.NEGATIVE_INFINITY

  return {
    see(judged) {
      const aheadMs = aheadOf(judged, clock.nowMs(), core.skewMs)
      if (!(aheadMs > 0)) return
      figures.skew(aheadMs / 1000)
      const nowMs = clock.nowMs()
      if (aheadMs <= rules.maxDriftMs || nowMs - toldAtMs < QUIET_MS) return
      toldAtMs = nowMs
      note('clock.drifted', 'warn', 'A token was issued by a clock that is ahead of ours', {
        aheadSeconds: Math.round(aheadMs / 1000),
        limitSeconds: rules.maxDriftMs / 1000,
      })
    },
  }
}

function aheadOf(judged: Token | Refusal, nowMs: number, skewMs: number): number {
  if (!isRefusal(judged)) return judged.issuedAtMs === null ? 0 : judged.issuedAtMs - nowMs
  if (judged.code !== 'ERR_TOKEN_ISSUED_IN_FUTURE' && judged.code !== 'ERR_TOKEN_NOT_YET_VALID') return 0
  const { forSeconds } = judged.facts
  return typeof forSeconds === 'number' ? forSeconds * 1000 + skewMs : 0
}
