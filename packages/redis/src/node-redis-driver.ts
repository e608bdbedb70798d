import { type Driver, isLocalHost, type Link, reconnectDelayMs } from './driver.js'

/** What is used of a client or a cluster of node-redis. */
export interface NodeRedis {
  readonly isReady?: boolean
  readonly isOpen: boolean
  readonly options?: NodeRedisOptions
  /** Of a cluster. */
  readonly _options?: { readonly rootNodes?: readonly NodeRedisOptions[]; readonly defaults?: NodeRedisOptions }
  readonly masters?: readonly object[]
  duplicate(overrides?: object): NodeRedis
  on(event: 'error', listener: (error: unknown) => void): unknown
  connect(): Promise<unknown>
  sendCommand(args: readonly string[], options?: object): Promise<unknown>
  sendCommand(firstKey: string, isReadonly: boolean, args: readonly string[], options?: object): Promise<unknown>
  subscribe(channel: string, listener: () => void): Promise<unknown>
  nodeClient?(node: object): Promise<NodeRedis> | NodeRedis
  /** 5 and later; before, `disconnect`. */
  destroy?(): void
  disconnect?(): Promise<void>
}

interface NodeRedisOptions {
  readonly url?: string
  readonly socket?: { readonly tls?: unknown; readonly path?: string; readonly host?: string }
}

export function driverOfNodeRedis(client: NodeRedis): Driver {
  // An emitter without a listener for errors ends the process when the server goes away.
  client.on('error', () => {})
  return { security: securityOf(client), open: (onError) => linkOf(client, onError) }
}

function linkOf(template: NodeRedis, onError: (error: unknown) => void): Link {
  const client = template.duplicate(overridesOf(template))
  const cluster = isCluster(client)
  client.on('error', onError)
  return {
    get ready() {
      return client.isReady ?? client.isOpen
    },
    async connect() {
      await client.connect()
    },
    async send(key, args, signal) {
      // Text, whatever the options of the template make of an answer.
      const options = { abortSignal: signal, typeMapping: {} }
      return cluster ? client.sendCommand(key, false, args, options) : client.sendCommand(args, options)
    },
    async primaries() {
      if (!cluster) return [(args) => client.sendCommand(args)]
      const nodes = await Promise.all((client.masters ?? []).map((node) => client.nodeClient?.(node)))
      return nodes.flatMap((node) => (node === undefined ? [] : [(args: readonly string[]) => node.sendCommand(args)]))
    },
    async subscribe(channel, wake) {
      await client.subscribe(channel, wake)
    },
    destroy() {
      try {
        if (client.destroy !== undefined) client.destroy()
        else client.disconnect?.().catch(() => {})
      } catch {
        // It was not open.
      }
    },
  }
}

function isCluster(client: NodeRedis): boolean {
  return typeof client.nodeClient === 'function'
}

/** Nothing is queued for a server that is not there, and it is looked for again and again, soon. */
function overridesOf(template: NodeRedis): object {
  const forOne = (options: NodeRedisOptions | undefined): object => ({
    disableOfflineQueue: true,
    socket: { ...options?.socket, reconnectStrategy: reconnectDelayMs },
  })
  if (!isCluster(template)) return forOne(template.options)
  return { defaults: { ...template._options?.defaults, ...forOne(template._options?.defaults) } }
}

function securityOf(client: NodeRedis): Driver['security'] {
  if (!isCluster(client)) return client.options === undefined ? securityOfOptions({}) : securityOfOptions(client.options)
  const { rootNodes, defaults } = client._options ?? {}
  if (rootNodes === undefined) return 'unknown'
  // The connections to the nodes are made of the defaults; the root nodes are asked where they are.
  const roots = rootNodes.map((node) => securityOfOptions({ ...defaults, ...node, socket: { ...defaults?.socket, ...node.socket } }))
  if (roots.every((root) => root === 'local')) return 'local'
  return isTls(defaults) && roots.every((root) => root !== 'plain') ? 'tls' : 'plain'
}

function securityOfOptions(options: NodeRedisOptions): Driver['security'] {
  if (isTls(options)) return 'tls'
  if (options.socket?.path !== undefined) return 'local'
  const host = options.socket?.host ?? (options.url === undefined ? undefined : hostOf(options.url))
  return isLocalHost(host) ? 'local' : 'plain'
}

function isTls(options: NodeRedisOptions | undefined): boolean {
  const tls = options?.socket?.tls
  return (tls !== undefined && tls !== false) || (options?.url?.startsWith('rediss:') ?? false)
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).hostname : 'unknown'
}
