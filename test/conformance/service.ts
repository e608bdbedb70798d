import type { Code } from '@countersign/core'
import { createGuard, type Guard, type GuardOptions } from '@countersign/guard'
import { type AdapterName, type Handled, makeApp } from './adapters.js'
import { type MemoryRecorder, memoryRecorder } from './memory-recorder.js'
import { type PresetName, presetsOf } from './presets.js'
import type { Given } from './row.js'
import { isHttp2, type Listening, listen, makeServer, type Transport } from './servers.js'
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

  return {
    get({ preset, service: odd }: Given): Promise<Service> {
      const service = odd ?? 'in order'
      const key = `${preset} ${service}`
      const found = started.get(key) ?? start(adapter, transport, world, preset, presets[preset], service)
      started.set(key, found)
      return found
    },
    async close(): Promise<void> {
      for (const service of started.values()) await (await service).close()
    },
  }
}

async function start(
  adapter: AdapterName,
  transport: Transport,
  world: World,
  preset: PresetName,
  options: GuardOptions,
  service: NonNullable<Given['service']> | 'in order',
): Promise<Service> {
  const recorder = memoryRecorder({ loses: preset === 'audit-log-full' })
  const guard: Guard = createGuard({ ...options, audit: recorder, runtime: { clock: world.clock } })
  const handled: Handled[] = []
  const asksForCertificate = service !== 'asks for no certificate'
  const app = await makeApp(adapter, {
    guard,
    http2: isHttp2(transport),
    bodyFirst: service === 'reads the body first',
    handle: (one) => handled.push(one),
    makeServer: (listener) => makeServer(transport, { guard, world, asksForCertificate }, listener),
  })
  const listening = await listen(transport, app.server, world)
  if (preset === 'guard-closed') await guard.close()
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
