import type { MeshCore } from './mesh-core.js'

/**
 * Has the store lost what it held, or is it new, so lately that no verifier could tell a token of now from one of before, whose revocation may
 * be lost? It would refuse both, so none is issued.
 */
export function isRebuilding({ revocations, skewMs }: MeshCore, nowMs: number): boolean {
  return nowMs - skewMs < revocations.completeSinceMs
}
