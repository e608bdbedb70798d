export type { KeyDirectory } from './key-directory.js'
export type { MeshCore } from './mesh-core.js'
