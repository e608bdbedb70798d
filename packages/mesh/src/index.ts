export { createKeyDirectory, type KeyDirectory, type KeyDirectoryOptions } from './key-directory.js'
export type { MeshCore } from './mesh-core.js'
export { createMeshSecrets, type MasterSecret, type MeshSecrets } from './mesh-secrets.js'
