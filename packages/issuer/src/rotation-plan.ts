/** When a key is announced, and when it signs. */
export interface RotationTimes {
  /** `null`: never by itself. */
  readonly everyMs: number | null
  readonly aheadMs: number
  nowMs(): number
  /** Since when the next key is published; `null` where there is none. Epoch milliseconds. */
  announcedAtMs(): number | null
}

/** Makes rotations happen. */
export interface RotationPlan {
  /** A key signs as of now. */
  begin(): void
  /** Does what is due. */
  look(): void
  close(): void
}

// A key signs up to this part less than it may, so that a fleet that was started at once does not rotate at once.
const JITTER = 0.1
// Timers of days drift and end at 24.8 of them; the clock is asked instead.
const LOOK_MS = 1000

/**
 * Announces the next key `aheadMs` before it is to sign, and rotates then: never to a key that was not published for so long.
 * Goes by the clock that it is given, which is looked at each second and whenever something is signed.
 * @param carryOut never rejects.
 */
export function createRotationPlan(times: RotationTimes, carryOut: (step: 'announce' | 'rotate') => Promise<void>): RotationPlan {
  const { everyMs, aheadMs } = times
  let rotateAtMs = Number.POSITIVE_INFINITY
  let busy = false

  function begin(): void {
    if (everyMs !== null) rotateAtMs = times.nowMs() + everyMs * (1 - JITTER * Math.random())
  }

  function look(): void {
    if (busy) return
    const nowMs = times.nowMs()
    const announcedAtMs = times.announcedAtMs()
    if (announcedAtMs === null && nowMs >= rotateAtMs - aheadMs) void run('announce')
    else if (announcedAtMs !== null && nowMs >= rotateAtMs && nowMs >= announcedAtMs + aheadMs) void run('rotate')
  }

  async function run(step: 'announce' | 'rotate'): Promise<void> {
    busy = true
    await carryOut(step)
    busy = false
  }

  begin()
  const timer = everyMs === null ? undefined : setInterval(look, LOOK_MS).unref()
  return { begin, look, close: () => clearInterval(timer) }
}
