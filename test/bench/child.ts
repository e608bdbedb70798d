import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** Runs a module in a process of its own, until it has sent its result. */
export function resultOf<Result>(module: string, args: readonly string[]): Promise<Result> {
  const file = fileURLToPath(new URL(module, import.meta.url))
  const child = fork(file, args, { execArgv: ['--expose-gc'], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  return new Promise((resolve, reject) => {
    child.once('message', (result) => {
      child.disconnect()
      resolve(result as Result)
    })
    child.once('exit', (code) => reject(new Error(`${module} ended with ${code} and no result`)))
  })
}
