import { isCurrentList } from '@countersign/core'
import type { MeshCore } from './mesh-core.js'

/**
 * Is it known what was revoked? Where the list is too old, the store is asked once more: a process that stood still for a while need not
 * refuse whoever comes first.
 */
export async function hasCurrentList({ revocations }: Pick<MeshCore, 'revocations'>): Promise<boolean> {
  if (isCurrentList(revocations, revocations.leaseMs)) return true
  await revocations.ready()
  return isCurrentList(revocations, revocations.leaseMs)
}
