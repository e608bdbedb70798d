export { type ExitCode, run } from './run.js'
export type { Terminal } from './terminal.js'
