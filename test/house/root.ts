import { fileURLToPath } from 'node:url'

/** The root of the repository, seen from the compiled file. */
export const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
