import type { Code } from '@countersign/core'
import { createGuard, type Guard, type GuardOptions } from '@countersign/guard'
import { type AdapterName, type Handled, makeApp } from './adapters.js'
import { type MemoryRecorder, memoryRecorder } from './memory-recorder.js'
import { type PresetName, presetsOf } from './presets.js'
import type { Given } from './row.js'
import { hasHttp2Server, type Listening, listen, makeServer, type Transport } from './servers.js'
import type { World } from './world.js'

/** A guarded service that is up: what it handled, and what was written down. */
export interface Service extends Listening {
  readonly guard: Guard
  readonly handled: readonly Handled[]
  readonly recorder: MemoryRecorder
}

/** Codes of what was refused since the `since`-th event. */
export function deniedSince({ recorder }: Service, since: number): readonly (Code | string | undefined)[] {
  return recorder.events.slice(since).flatMap(({ kind, code }) => (kind === 'request.denied' ? [code] : []))
}

/** One service for each preset in a cell, started when a row first asks for it. */
export function createServices(adapter: AdapterName, transport: Transport, world: World) {
  const presets: Readonly<Record<PresetName, GuardOptions>> = presetsOf(world)
  const started = new Map<string, Promise<Service>>()

  async function start({ preset, service }: Given): Promise<Service> {
    const running = await startService(adapter, transport, world, presets[preset], {
      asksForCertificate: service !== 'asks for no certificate',
      bodyFirst: service === 'reads the body first',
      recorder: memoryRecorder({ loses: preset === 'audit-log-full' }),
    })
    if (preset === 'guard-closed') await running.guard.close()
    return running
  }

  return {
    get(given: Given): Promise<Service> {
      const key = `${given.preset} ${given.service}`
      const found = started.get(key) ?? start(given)
      started.set(key, found)
      return found
    },
    async close(): Promise<void> {
      for (const service of started.values()) await (await service).close()
    },
  }
}

interface Oddities {
  readonly asksForCertificate?: boolean
  readonly bodyFirst?: boolean
  readonly recorder?: MemoryRecorder
  /** What handlers answer. Default: one word. */
  readonly answer?: (handled: Handled) => string
}

/** Starts one service with a guard of its own. */
export async function startService(
  adapter: AdapterName,
  transport: Transport,
  world: World,
  options: GuardOptions,
  { asksForCertificate = true, bodyFirst = false, recorder = memoryRecorder(), answer = () => 'handled' }: Oddities = {},
): Promise<Service> {
  const guard: Guard = createGuard({ ...options, audit: recorder, asyncContext: true, runtime: { clock: world.clock } })
  const handled: Handled[] = []
  const app = await makeApp(adapter, {
    guard,
    http2: hasHttp2Server(transport),
    bodyFirst,
    handle(one) {
      handled.push(one)
      return answer(one)
    },
    makeServer: (listener) => makeServer(transport, { guard, world, asksForCertificate }, listener),
  })
  const listening = await listen(transport, app.server, world)
  return {
    guard,
    handled,
    recorder,
    connect: listening.connect,
    async close() {
      await listening.close()
      await app.close()
      await guard.close()
    },
  }
}
