/** How connections are made with one package of clients. */
export interface Driver {
  /** As far as the options of the client show it. `local`: the loopback interface, or a socket of this machine. */
  readonly security: 'tls' | 'local' | 'plain' | 'unknown'
  /** Makes a connection and does not wait for it. @param onError told why it is not there. */
  open(onError: (error: unknown) => void): Link
}

/** Commands and their answers over one connection, or over those to every node of a cluster. */
export interface Link {
  readonly ready: boolean
  connect(): Promise<void>
  /**
   * @param key what decides the node of a cluster.
   * @param signal takes the command back as long as it is not on its way.
   */
  send(key: string, args: readonly string[], signal: AbortSignal): Promise<unknown>
  /** A way to ask each primary by itself. */
  primaries(): Promise<readonly ((args: readonly string[]) => Promise<unknown>)[]>
  subscribe(channel: string, wake: () => void): Promise<void>
  destroy(): void
}

/** What a client waits before it connects again, at most: a store that is back is used again soon. */
const MAX_RECONNECT_MS = 500
const FIRST_RECONNECT_MS = 25

export function reconnectDelayMs(attempt: number): number {
  return Math.min(MAX_RECONNECT_MS, FIRST_RECONNECT_MS * 2 ** Math.min(attempt, 10))
}

/** Hosts that no network is behind. */
export function isLocalHost(host: string | undefined): boolean {
  return host === undefined || host === 'localhost' || host === '::1' || host === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(host)
}
