import { basename, join } from 'node:path'
import { type AuthMesh, createAuthMesh, createMeshSecrets } from '@countersign/mesh'
import { createRedisStateStore } from '@countersign/redis'
import { createMemoryStateStore } from '@countersign/state'
import { createClient } from 'redis'
import { SERVICES, type Site } from './site.js'

export interface OpenMesh {
  readonly mesh: AuthMesh
  close(): Promise<void>
}

/** The mesh as one process sees it. What processes share is the store, the issuer and the list of services. */
export async function openMesh({ folder, redis }: Site): Promise<OpenMesh> {
  const store =
    redis === null
      ? createMemoryStateStore()
      : createRedisStateStore({
          client: createClient({ url: redis }),
          name: basename(folder), // of this run
          macKey: createMeshSecrets({ file: join(folder, 'mesh-secret') }).stateMacKey(),
          whenEmpty: 'new', // each process signs with a key of its own: an empty store has lost nothing
        })
  const mesh = createAuthMesh({
    issuer: 'https://authority.demo.example',
    services: SERVICES,
    store,
    keys: { algorithm: 'ES256' },
    audit: null, // the demo prints what happens itself
  })
  await mesh.ready()
  return {
    mesh,
    async close() {
      await mesh.close()
      await store.close()
    },
  }
}
