import type { EventEmitter } from 'node:events'

/** Stands in front of the listeners of an event, and calls `proceed` now, later or never. */
export type Interceptor = (args: readonly unknown[], proceed: () => void) => void

/**
 * Puts interceptors in front of every listener of their events, those that are added later too: it is `emit` that is replaced, so
 * that there is no list of listeners to get past. An event that nobody listens to is left as it is.
 */
export function interceptEvents(emitter: EventEmitter, interceptors: ReadonlyMap<string | symbol, Interceptor>): void {
  const emit = emitter.emit
  emitter.emit = (event: string | symbol, ...args: unknown[]): boolean => {
    const interceptor = interceptors.get(event)
    if (interceptor === undefined || emitter.listenerCount(event) === 0) return Reflect.apply(emit, emitter, [event, ...args])
    interceptor(args, () => Reflect.apply(emit, emitter, [event, ...args]))
    return true
  }
}
