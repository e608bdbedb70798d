import type { KeyObject } from 'node:crypto'
import type { Source } from '@countersign/core'
import type { KeyRing } from '@countersign/issuer'
import type { AuthMesh } from '@countersign/mesh'

/** The keys of a mesh: its own, to sign with them what it would not, and those of all its processes. */
export interface Inside {
  readonly keys: KeyRing
  readonly directory: Source<KeyObject> & { load(): Promise<void> }
}

/** What stands inside a mesh, which its types tell nobody. */
export function insideOf({ context }: AuthMesh): Inside {
  return (context as { readonly core: Inside }).core
}
