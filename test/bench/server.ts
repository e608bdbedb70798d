// One server in a process of its own. It says its port, and from then on does what it is told over IPC.
import { Session } from 'node:inspector/promises'
import type { AddressInfo } from 'node:net'
import type { ServerCredentials } from './credentials.js'
import { isPart, PARTS } from './guard-options.js'
import { type Profile, topFunctions } from './profile.js'
import type { PeersWay, Protection } from './stacks/stack.js'
import { STACKS, type StackName } from './stacks/stacks.js'

/** What a server is told. Each is answered by one {@link ServerAnswer}. */
export type ServerOrder =
  | { readonly order: 'listen'; readonly stack: StackName | 'oauth'; readonly variant: string; readonly credentials: ServerCredentials }
  | { readonly order: 'cpu' }
  | { readonly order: 'heap' }
  | { readonly order: 'profile-start' }
  | { readonly order: 'profile-stop' }

export interface ServerAnswer {
  readonly port?: number
  /** User and system time of this process since its start. Microseconds. */
  readonly cpuMicros?: number
  /** What is held after a full garbage collection: heap, external and array buffers. */
  readonly heldBytes?: number
  readonly functions?: Profile
  readonly error?: string
}

const IDLE_MS = 600_000 // connections rest while another server has its turn
const PROFILE_INTERVAL_MICROS = 200

const PEERS_WAYS: ReadonlyMap<string, PeersWay> = new Map([
  ['peers', 'cheapest'],
  ['peers-with-jwks-rsa', 'with-jwks-rsa'],
  ['peers-with-token-cache', 'with-token-cache'],
])

let session: Session | null = null

function protectionOf(variant: string, credentials: ServerCredentials): Protection {
  if (variant === 'bare' || variant === 'empty') return { kind: variant }
  if (isPart(variant)) return { kind: 'countersign', options: PARTS[variant](credentials) }
  const way = PEERS_WAYS.get(variant)
  if (way !== undefined) return { kind: 'peers', way }
  throw new TypeError(`no variant ${variant}`)
}

async function obey(told: ServerOrder): Promise<ServerAnswer> {
  switch (told.order) {
    case 'listen': {
      const { stack, variant, credentials } = told
      const server =
        stack === 'oauth'
          ? await (await import('./oauth-stack.js')).oauthServer(variant, credentials)
          : await STACKS[stack](protectionOf(variant, credentials), credentials)
      server.keepAliveTimeout = IDLE_MS
      server.requestTimeout = 0
      server.headersTimeout = 0
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      return { port: (server.address() as AddressInfo).port }
    }
    case 'cpu': {
      const { user, system } = process.cpuUsage()
      return { cpuMicros: user + system }
    }
    case 'heap': {
      for (let time = 0; time < 4; time++) {
        globalThis.gc?.()
        await new Promise((resolve) => setImmediate(resolve))
      }
      const { heapUsed, external } = process.memoryUsage()
      return { heldBytes: heapUsed + external } // `external` holds the array buffers already
    }
    case 'profile-start': {
      session = new Session()
      session.connect()
      await session.post('Profiler.enable')
      await session.post('Profiler.setSamplingInterval', { interval: PROFILE_INTERVAL_MICROS })
      await session.post('Profiler.start')
      return {}
    }
    case 'profile-stop': {
      if (session === null) throw new TypeError('no profile was started')
      const { profile } = await session.post('Profiler.stop')
      session.disconnect()
      return { functions: topFunctions(profile) }
    }
  }
}

process.on('message', (told: ServerOrder) => {
  obey(told).then(
    (answer) => process.send?.(answer),
    (error: unknown) => process.send?.({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  )
})
process.on('disconnect', () => process.exit())
