import type { Socket } from 'node:net'
import { partitionKeyOfAddress } from '@countersign/core'
import type { Guard } from '@countersign/guard'
import { createMemoryQuotaStore } from '@countersign/limit'
import type { CheckedServerOptions } from './server-options.js'
import { transportAddressOf } from './transport-address.js'

/** Judges raw connections, before any TLS work is done for them. */
export interface ConnectionLimit {
  /** `false`: too much from this address, and it was said so in the log. */
  admit(socket: Socket): boolean
}

/** Addresses with a budget of their own; more share coarse ones. About 2 MB. */
const MAX_ADDRESSES = 10_000
/** One address is reported so often. */
const REPORT_INTERVAL_MS = 60_000

/**
 * Bounds what one client address may open. Time is the process's own and not the guard's clock: it is about load, not about evidence.
 * Unix sockets have no address, unless a proxy has said one, and are not bounded: who may open them is said by the file system.
 */
export function createConnectionLimit(limits: CheckedServerOptions['perAddress'], guard: Pick<Guard, 'report'>): ConnectionLimit {
  if (limits === null) return { admit: () => true }
  const { handshakesPerSecond, handshakeBurst, connections } = limits
  const budgets = createMemoryQuotaStore({ maxKeys: MAX_ADDRESSES })
  const open = new Map<string, number>()

  function take(key: string, intervalMs: number, burst: number): boolean {
    return budgets.take([{ key, intervalMs, burst, cost: 1 }], performance.now())[0]?.allowed === true
  }

  function refuse(address: string, exceeded: 'handshakesPerSecond' | 'connections'): false {
    if (!take(`report ${address}`, REPORT_INTERVAL_MS, 1)) return false
    guard.report({
      kind: 'request.denied',
      severity: 'warn',
      code: 'ERR_QUOTA_EXCEEDED',
      message: 'connections were closed before their handshake: too many from one address',
      facts: { remoteAddress: address, exceeded: `perAddress.${exceeded}` },
    })
    return false
  }

  return {
    admit(socket) {
      const { remoteAddress } = transportAddressOf(socket)
      if (remoteAddress === null) return true
      const address = partitionKeyOfAddress(remoteAddress)
      const count = open.get(address) ?? 0
      if (count >= connections) return refuse(address, 'connections')
      if (!take(`handshake ${address}`, 1000 / handshakesPerSecond, handshakeBurst)) return refuse(address, 'handshakesPerSecond')
      open.set(address, count + 1)
      socket.once('close', () => {
        const left = (open.get(address) ?? 1) - 1
        if (left === 0) open.delete(address)
        else open.set(address, left)
      })
      return true
    },
  }
}
