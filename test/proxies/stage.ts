import { after } from 'node:test'
import { blockOfGuide, replaced } from './guide.js'
import { type ProxyKind, type RunningProxy, startProxy } from './proxy.js'
import type { Site } from './site.js'

/** Something that listens on the loopback interface. */
export interface Service {
  readonly port: number
  close(): Promise<void>
}

/** One service, and the proxies in front of it, each started when a test first asks for it. */
export interface Stage<S extends Service> {
  service(): Promise<S>
  /** The port of a proxy with the configuration of the guide, changed in these places. */
  portOf(changes?: Readonly<Record<string, string>>): Promise<number>
}

/** All of it ends with the tests of the file. */
export function createStage<S extends Service>(kind: ProxyKind, site: Site, startService: () => Promise<S>): Stage<S> {
  let started: Promise<S> | null = null
  const proxies = new Map<string, Promise<RunningProxy>>()

  function service(): Promise<S> {
    started ??= startService()
    return started
  }

  async function start(changes: Readonly<Record<string, string>>): Promise<RunningProxy> {
    return startProxy(kind, site, (await service()).port, replaced(blockOfGuide(kind.language, kind.beginning), changes))
  }

  after(async () => {
    for (const proxy of await Promise.allSettled(proxies.values())) if (proxy.status === 'fulfilled') await proxy.value.stop()
    await started?.then((running) => running.close())
  })

  return {
    service,
    async portOf(changes = {}) {
      const key = JSON.stringify(changes)
      const proxy = proxies.get(key) ?? start(changes)
      proxies.set(key, proxy)
      return (await proxy).port
    },
  }
}
