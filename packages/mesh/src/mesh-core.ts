import type { StateStore, Surroundings } from '@countersign/core'
import type { KeyRing } from '@countersign/issuer'
import type { Revocations } from '@countersign/state'
import type { KeyDirectory } from './key-directory.js'

/** What every part of a mesh stands on. */
export interface MeshCore {
  /** `iss` of every token of the mesh. */
  readonly issuer: string
  readonly keys: KeyRing
  readonly directory: KeyDirectory
  readonly store: StateStore
  readonly revocations: Revocations
  readonly skewMs: number
  /** How long something that was used or revoked is remembered beyond its end and the skew: clocks of stores and processes differ. */
  readonly marginMs: number
  /** The longest that anything lives which the mesh makes: a token, what hands a session on, a session. */
  readonly longestMs: number
  readonly surroundings: Surroundings
  readonly randomBytes: (size: number) => Uint8Array
}

/** Beyond its end something is remembered as long as clocks may differ, and a margin. */
export function rememberedUntil({ skewMs, marginMs }: Pick<MeshCore, 'skewMs' | 'marginMs'>, endMs: number): number {
  return endMs + skewMs + marginMs
}
