import { inTime, StateError, storeIsLate } from '@countersign/core'
import type { Driver, Link } from './driver.js'
import { failureOf, isUnknownScript } from './failure.js'

/** Commands that end in time, over a connection that is given up and made anew when it hangs. */
export interface Connection {
  /**
   * @param key what decides the node of a cluster.
   * @throws {StateError} what went wrong, always; an answer that comes later is nobody's.
   */
  send(key: string, args: readonly string[]): Promise<unknown>
  /** Asks every primary. */
  ask(args: readonly string[]): Promise<readonly unknown[]>
  /** Waits for the first connection. */
  opened(withinMs: number): Promise<void>
  /** Waits until what was subscribed to is heard, or cannot be. */
  listening(withinMs: number): Promise<void>
  /** Calls back on every message, as far as messages arrive: nothing that is not a hint may hang on it. */
  subscribe(channel: string, wake: () => void): () => void
  close(): void
}

/** Commands without an answer. More wait only where the server stands still, and what they wait for is too late by then. */
const MAX_UNANSWERED = 2_000
/** A connection on which nothing was answered for so many time-outs is dead, although its socket does not know it. */
const HANGS_AFTER_TIMEOUTS = 5
/** How long connecting may take before it is begun anew: a server that takes the connection and says nothing would hold it for ever. */
const CONNECT_MS = 3_000
const MAX_CONNECT_MS = 30_000
/** How often it is looked whether a connection is there. */
const LOOK_MS = 5

interface Line {
  readonly link: Link
  wasReady: boolean
  notReadySinceMs: number
  unanswered: number
  /** When the oldest command was sent that nothing has been answered since. */
  silentSinceMs: number | null
}

export function createConnection(driver: Driver, timeoutMs: number): Connection {
  const wakes = new Map<string, Set<() => void>>()
  let line: Line | null = null
  let listener: Link | null = null
  let subscribed: Promise<unknown> = Promise.resolve()
  let lastError: unknown = null
  let closed = false
  /** Longer each time: a machine that is busy may need it. */
  let connectMs = CONNECT_MS

  function open(): Line {
    const link = driver.open((error) => {
      lastError = error
    })
    // What ends a connection says less than what it was told before.
    link.connect().catch((error: unknown) => {
      lastError ??= error
    })
    return { link, wasReady: false, notReadySinceMs: performance.now(), unanswered: 0, silentSinceMs: null }
  }

  function restart(dead: Line): void {
    if (line !== dead || closed) return
    dead.link.destroy()
    line = open()
    if (listener !== null) listen()
  }

  function usable(): Line | null {
    line ??= open()
    if (line.link.ready) {
      line.wasReady = true
      lastError = null
      line.notReadySinceMs = Number.NaN
      connectMs = CONNECT_MS
      return line
    }
    if (Number.isNaN(line.notReadySinceMs)) line.notReadySinceMs = performance.now()
    if (performance.now() - line.notReadySinceMs >= connectMs) {
      connectMs = Math.min(MAX_CONNECT_MS, 2 * connectMs)
      restart(line)
    }
    return null
  }

  /** Ends work in time; `late` is told of an end that comes by time. */
  async function bounded<T>(ms: number, work: (signal: AbortSignal) => Promise<T>, late: () => void = () => {}): Promise<T> {
    const controller = new AbortController()
    try {
      return await inTime(work(controller.signal), ms, () => {
        late()
        controller.abort()
        return storeIsLate()
      })
    } catch (error) {
      // Who runs a script knows what to do then.
      throw isUnknownScript(error) ? error : failureOf(error)
    }
  }

  function transmit(on: Line, key: string, args: readonly string[]): Promise<unknown> {
    if (on.unanswered >= MAX_UNANSWERED) return Promise.reject(new StateError('unreachable', 'the store does not answer'))
    on.unanswered++
    on.silentSinceMs ??= performance.now()
    const settled = (): void => {
      on.unanswered--
      on.silentSinceMs = on.unanswered === 0 ? null : performance.now()
    }
    const late = (): void => {
      if (on.silentSinceMs !== null && performance.now() - on.silentSinceMs >= HANGS_AFTER_TIMEOUTS * timeoutMs) restart(on)
    }
    return bounded(
      timeoutMs,
      (signal) => {
        const answer = on.link.send(key, args, signal)
        // Whatever comes after the time is over is heard here, and by nobody else.
        answer.then(settled, settled)
        return answer
      },
      late,
    )
  }

  async function opened(withinMs: number): Promise<void> {
    const until = performance.now() + withinMs
    for (;;) {
      if (closed) throw new StateError('closed', 'the store is closed')
      if (usable() !== null) return
      const leftMs = until - performance.now()
      // What ends one attempt is no answer: the client makes the next one by itself.
      if (leftMs <= 0) throw failureOf(lastError)
      await new Promise((resolve) => setTimeout(resolve, Math.min(leftMs, LOOK_MS)))
    }
  }

  async function send(key: string, args: readonly string[]): Promise<unknown> {
    if (closed) throw new StateError('closed', 'the store is closed')
    let on = usable()
    // Only who comes first waits for the connection; where it was there and is lost, nobody does.
    if (on === null && line?.wasReady === false) {
      await opened(timeoutMs)
      on = usable()
    }
    if (on === null) throw failureOf(lastError)
    return transmit(on, key, args)
  }

  function listen(): void {
    listener?.destroy()
    const link = driver.open(() => {})
    listener = link
    subscribed = link
      .connect()
      .then(() => Promise.all([...wakes.keys()].map((channel) => subscribeOn(link, channel))))
      .catch(() => {})
  }

  function subscribeOn(link: Link, channel: string): Promise<void> {
    return link.subscribe(channel, () => {
      for (const wake of wakes.get(channel) ?? []) wake()
    })
  }

  return {
    send,
    opened,
    async ask(args) {
      const on = usable()
      if (on === null) throw failureOf(lastError)
      return bounded(timeoutMs, async () => {
        const primaries = await on.link.primaries()
        return Promise.all(primaries.map((primary) => primary(args)))
      })
    },
    async listening(withinMs) {
      await bounded(withinMs, () => subscribed).catch(() => {})
    },
    subscribe(channel, wake) {
      const listening = wakes.get(channel) ?? new Set()
      const first = listening.size === 0
      wakes.set(channel, listening.add(wake))
      if (first && !closed) listen()
      return () => {
        listening.delete(wake)
      }
    },
    close() {
      closed = true
      line?.link.destroy()
      listener?.destroy()
      wakes.clear()
    },
  }
}
