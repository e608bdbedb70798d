import type { Clock } from '@countersign/core'
import { createMemoryQuotaStore, type Quota } from '@countersign/limit'
import { type Rejection, reject } from './rejection.js'

/** How much each client may ask for. */
export interface ClientQuota {
  /** Takes one request of a client that has proven who it is: nobody else can use up its quota. `null`: it may go on. */
  take(clientId: string): Rejection | null
}

/** @param quota `null`: no quota. */
export function createClientQuota(quota: Quota | null, clock: Clock): ClientQuota {
  if (quota === null) return { take: () => null }
  const store = createMemoryQuotaStore()
  const intervalMs = (quota.windowSeconds * 1000) / quota.quota
  const burst = quota.burst ?? quota.quota
  return {
    take(clientId) {
      const [state] = store.take([{ key: clientId, intervalMs, burst, cost: 1 }], clock.nowMs())
      if (state?.allowed === true) return null
      return reject('ERR_QUOTA_EXCEEDED', { retryAfterSeconds: Math.max(1, Math.ceil((state?.retryAfterMs ?? 1000) / 1000)) })
    },
  }
}
