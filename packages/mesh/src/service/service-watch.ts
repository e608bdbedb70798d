import type { MeshContext } from '../mesh-context.js'
import { refusalOfFault } from '../mesh-context.js'
import type { OperationRefusal } from '../operation-refusal.js'
import { stateKey } from '../state-keys.js'
import { readServiceRecord, SERVICE_RECORD_MS, writeServiceRecord } from './service-record.js'
import { nextServiceStatus, type ServiceStatus } from './service-status.js'
import { serviceStatusAt } from './service-status-at.js'

/** Looks at how services stand. */
export interface ServiceWatch {
  /** `UNAUTHORIZED` for a service that there is not, too. */
  status(service: string): Promise<ServiceStatus | OperationRefusal>
  /** Looks at every service now: figures, and events of what has run out. Never rejects. */
  sync(): Promise<void>
  close(): void
}

/** Makes the watch. It looks at every service in turn as often as the options say. */
export function createServiceWatch(context: MeshContext): ServiceWatch {
  const { core, rules, figures } = context
  const { clock } = core.surroundings
  const timer = setInterval(() => void sync(), rules.syncMs).unref()
  let running: Promise<void> | null = null

  async function look(): Promise<void> {
    const ids = rules.services.ids()
    const found = await core.store.read(ids.map((id) => stateKey('service', id)))
    const nowMs = clock.nowMs()
    let active = 0
    for (const [at, service] of ids.entries()) {
      const stored = found[at]
      const record = readServiceRecord(stored)
      const status = serviceStatusAt(record, core, nowMs)
      if (status === 'AUTHENTICATED') active++
      // Written down once, by whoever sees it first; of two at once, one.
      if (stored === null || stored === undefined || record.tokenId === null) continue
      if (record.status !== 'AUTHENTICATED' || status !== 'EXPIRED' || nextServiceStatus(record.status, 'expire') !== status) continue
      const key = stateKey('service', service)
      await core.revocations.commit({
        expect: [[key, stored.version]],
        put: [{ key, value: writeServiceRecord({ ...record, status, changedAtMs: nowMs }), untilMs: nowMs + SERVICE_RECORD_MS }],
        emit: context.events({ type: 'auth.token.expired', service, tokenId: record.tokenId, atMs: nowMs }),
      })
    }
    figures.activeServices(active)
  }

  function sync(): Promise<void> {
    running ??= look()
      // The list of revocations tells of a store that is down; there is nothing to add.
      .catch(() => {})
      .finally(() => {
        running = null
      })
    return running
  }

  return {
    async status(service) {
      try {
        const [stored] = await core.store.read([stateKey('service', service)])
        return serviceStatusAt(readServiceRecord(stored), core, clock.nowMs())
      } catch (fault) {
        return refusalOfFault(fault)
      }
    },
    sync,
    close: () => clearInterval(timer),
  }
}
