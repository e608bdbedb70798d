import { type Driver, isLocalHost, type Link, reconnectDelayMs } from './driver.js'

/** What is used of a client or a cluster of ioredis. */
export interface Ioredis {
  readonly status: string
  readonly isCluster?: boolean
  readonly options: IoredisOptions & { readonly redisOptions?: IoredisOptions }
  /** Of a cluster. */
  readonly startupNodes?: readonly unknown[]
  duplicate(overrides?: object): Ioredis
  duplicate(startupNodes: readonly never[], overrides: object): Ioredis
  on(event: 'error', listener: (error: unknown) => void): unknown
  on(event: 'message', listener: (channel: string) => void): unknown
  connect(): Promise<unknown>
  call(command: string, ...args: string[]): Promise<unknown>
  subscribe(channel: string): Promise<unknown>
  nodes?(role: 'master'): readonly Ioredis[]
  disconnect(): void
}

interface IoredisOptions {
  readonly tls?: unknown
  readonly path?: string | null
  readonly host?: string
  readonly sentinels?: readonly unknown[] | null
}

export function driverOfIoredis(client: Ioredis): Driver {
  client.on('error', () => {})
  return { security: securityOf(client), open: (onError) => linkOf(client, onError) }
}

function linkOf(template: Ioredis, onError: (error: unknown) => void): Link {
  const client = duplicateOf(template)
  client.on('error', onError)
  return {
    get ready() {
      return client.status === 'ready'
    },
    async connect() {
      await client.connect()
    },
    send: async (_key, [command = '', ...args]) => client.call(command, ...args),
    async primaries() {
      const nodes = client.nodes?.('master') ?? [client]
      return nodes.map(
        (node) =>
          ([command = '', ...args]: readonly string[]) =>
            node.call(command, ...args),
      )
    },
    async subscribe(channel, wake) {
      client.on('message', wake)
      await client.subscribe(channel)
    },
    destroy: () => client.disconnect(),
  }
}

/** Nothing is queued for a server that is not there, nothing is sent twice, and it is looked for again and again, soon. */
function duplicateOf(template: Ioredis): Ioredis {
  const overrides = {
    lazyConnect: true,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: null,
    retryStrategy: reconnectDelayMs,
    // A client that was made for subscriptions or for text as bytes is neither here.
    autoResubscribe: true,
  }
  if (template.isCluster !== true) return template.duplicate(overrides)
  const { retryStrategy, maxRetriesPerRequest, ...ofNodes } = overrides
  return template.duplicate([], {
    lazyConnect: true,
    enableOfflineQueue: false,
    clusterRetryStrategy: retryStrategy,
    redisOptions: { ...ofNodes, maxRetriesPerRequest },
  })
}

function securityOf({ options, isCluster, startupNodes }: Ioredis): Driver['security'] {
  if (isCluster === true) {
    if (isSet(options.redisOptions?.tls)) return 'tls'
    return (startupNodes ?? [undefined]).every((node) => isLocalHost(hostOf(node))) ? 'local' : 'plain'
  }
  if (isSet(options.tls)) return 'tls'
  // Sentinels name the host of the primary: it may be anywhere.
  if (isSet(options.sentinels)) return 'plain'
  return isSet(options.path) || isLocalHost(options.host) ? 'local' : 'plain'
}

function isSet(value: unknown): boolean {
  return value !== undefined && value !== null && value !== false
}

/** The host of a start node: an object, a URL, `host:port`, or a port. */
function hostOf(node: unknown): string | undefined {
  if (typeof node === 'object' && node !== null && 'host' in node) return typeof node.host === 'string' ? node.host : undefined
  if (typeof node !== 'string') return typeof node === 'number' ? undefined : 'unknown'
  return URL.canParse(node) && node.includes('//') ? new URL(node).hostname : node.replace(/:\d+$/, '')
}
