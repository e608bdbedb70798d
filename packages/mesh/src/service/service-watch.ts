import type { MeshContext } from '../mesh-context.js'
import { refusalOfFault } from '../mesh-context.js'
import type { OperationRefusal } from '../operation-refusal.js'
import { stateKey } from '../state-keys.js'
import type { Registrations } from './registrations.js'
import { readServiceRecord, writeServiceRecord } from './service-record.js'
import { nextServiceStatus, type ServiceStatus } from './service-status.js'
import { serviceStatusAt } from './service-status-at.js'

// Long enough for two weekends.
const NOTICE_MS = 14 * 86_400_000

/** Looks at how services stand. */
export interface ServiceWatch {
  /** `UNAUTHORIZED` for a service that there is not, too. */
  status(service: string): Promise<ServiceStatus | OperationRefusal>
  /** Looks at every service now: figures, and events of what has run out. Never rejects. */
  sync(): Promise<void>
  close(): void
}

/** Makes the watch. It looks at every service in turn as often as the options say. */
export function createServiceWatch(context: MeshContext, registrations: Registrations): ServiceWatch {
  const { core, rules, figures, note } = context
  const { clock } = core.surroundings
  const timer = setInterval(() => void sync(), rules.syncMs).unref()
  let running: Promise<void> | null = null

  /** A certificate that nobody renews in time is an outage that is known of beforehand. */
  function noticeExpiry(): void {
    const nowMs = clock.nowMs()
    for (const registration of registrations.all()) {
      const { id, certificate } = registration
      if (registration.isNoticed || certificate.validTo.getTime() - nowMs > NOTICE_MS) continue
      registration.isNoticed = true
      const facts = { service: id, daysLeft: certificate.daysLeft(nowMs), serialNumber: certificate.serialNumber }
      note('credential.expiring', 'warn', 'The certificate of a registered service runs out soon, or has', facts)
    }
  }

  async function look(): Promise<void> {
    noticeExpiry()

    const ids = rules.services.ids()
    const found = await core.store.read(ids.map((id) => stateKey('service', id)))
    const nowMs = clock.nowMs()
    let active = 0
    for (const [at, service] of ids.entries()) {
      const stored = found[at]
      const record = readServiceRecord(service, stored, core.revocations)
      const status = serviceStatusAt(record, core, nowMs)
      if (status === 'AUTHENTICATED') active++
      // Written down once, by whoever sees it first; of two at once, one.
      if (stored === null || stored === undefined || record.tokenId === null) continue
      if (record.status !== 'AUTHENTICATED' || status !== 'EXPIRED' || nextServiceStatus(record.status, 'expire') !== status) continue
      const key = stateKey('service', service)
      await core.revocations.commit({
        expect: [[key, stored.version]],
        put: [writeServiceRecord(service, { ...record, status, changedAtMs: nowMs }, nowMs)],
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
        return serviceStatusAt(readServiceRecord(service, stored, core.revocations), core, clock.nowMs())
      } catch (fault) {
        return refusalOfFault(fault)
      }
    },
    sync,
    close: () => clearInterval(timer),
  }
}
