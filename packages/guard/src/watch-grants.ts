import type { Denial, Grant } from '@countersign/core'

/**
 * How long a grant that is no longer true may live on in a stream, a WebSocket or a tunnel: with the heartbeat of a list of revocations
 * (250 ms) it is gone within a second of its revocation anywhere.
 */
const WATCH_INTERVAL_MS = 500

export interface Watch {
  /** The same signal for the same grant, each time. */
  watch(grant: Grant): AbortSignal
  /** Ends one {@link Watch.watch}: the others of the same grant go on. */
  end(grant: Grant): void
  close(): void
}

/** Judges long-lived grants again twice a second, and aborts the signals of those that are no longer true. */
export function watchGrants(judge: (grant: Grant) => Denial | null): Watch {
  const watched = new Map<Grant, { readonly controller: AbortController; watchers: number }>()
  let timer: NodeJS.Timeout | null = null

  function judgeAll(): void {
    for (const [grant, { controller }] of watched) {
      const denial = judge(grant)
      if (denial === null) continue
      forget(grant)
      controller.abort(denial)
    }
  }

  function end(grant: Grant): void {
    const known = watched.get(grant)
    if (known !== undefined && --known.watchers === 0) forget(grant)
  }

  function forget(grant: Grant): void {
    watched.delete(grant)
    if (watched.size > 0 || timer === null) return
    clearInterval(timer)
    timer = null
  }

  return {
    watch(grant) {
      const known = watched.get(grant)
      if (known !== undefined) {
        known.watchers++
        return known.controller.signal
      }
      const controller = new AbortController()
      watched.set(grant, { controller, watchers: 1 })
      timer ??= setInterval(judgeAll, WATCH_INTERVAL_MS).unref()
      return controller.signal
    },
    end,
    close() {
      judgeAll()
      for (const grant of [...watched.keys()]) forget(grant)
    },
  }
}
