import type { KeyObject } from 'node:crypto'
import type { Source } from '@countersign/core'
import type { PublicJwk } from '@countersign/issuer'

/** The public keys of every process of the mesh, by `kid`. A private key never leaves the process that made it. */
export interface KeyDirectory extends Source<KeyObject> {
  /** All of them, for the `jwks_uri`. */
  jwks(): { readonly keys: readonly PublicJwk[] }
  load(): Promise<void>
  ready(): Promise<void>
  close(): Promise<void>
}
