import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { ServerCredentials } from './credentials.js'
import type { Profile } from './profile.js'
import type { ServerAnswer, ServerOrder } from './server.js'
import type { StackName } from './stacks/stacks.js'

/** A server in a process of its own. */
export interface ServerProcess {
  readonly port: number
  /** User and system time so far. Microseconds. */
  cpuMicros(): Promise<number>
  heldBytes(): Promise<number>
  startProfile(): Promise<void>
  stopProfile(): Promise<Profile>
  stop(): Promise<void>
}

const COMPLAINT_LENGTH = 8192
const SERVER = fileURLToPath(new URL('./server.js', import.meta.url))

export async function startServer(stack: StackName | 'oauth', variant: string, credentials: ServerCredentials): Promise<ServerProcess> {
  // What the server logs is part of its work, but nobody reads it, unless it ends by itself.
  const child = fork(SERVER, [], { execArgv: ['--expose-gc'], stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
  let complaints = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    complaints = (complaints + text).slice(-COMPLAINT_LENGTH)
  })
  child.once('exit', (code) => {
    if (code !== 0) console.error(complaints)
  })
  const { port } = await ask(child, { order: 'listen', stack, variant, credentials }).catch(async (error: unknown) => {
    child.kill()
    throw error
  })
  return {
    port: known(port),
    cpuMicros: async () => known((await ask(child, { order: 'cpu' })).cpuMicros),
    heldBytes: async () => known((await ask(child, { order: 'heap' })).heldBytes),
    startProfile: async () => {
      await ask(child, { order: 'profile-start' })
    },
    stopProfile: async () => known((await ask(child, { order: 'profile-stop' })).functions),
    async stop() {
      const gone = once(child, 'exit')
      child.disconnect()
      await gone
    },
  }
}

function ask(child: ChildProcess, order: ServerOrder): Promise<ServerAnswer> {
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      child.off('message', onMessage)
      child.off('exit', onExit)
    }
    const onMessage = (answer: ServerAnswer): void => {
      settle()
      if (answer.error === undefined) resolve(answer)
      else reject(new Error(answer.error))
    }
    const onExit = (code: number | null): void => {
      settle()
      reject(new Error(`the server ended with ${code}`))
    }
    child.on('message', onMessage)
    child.on('exit', onExit)
    child.send(order)
  })
}

function known<T>(value: T | undefined): T {
  if (value === undefined) throw new TypeError('the server did not answer what it was asked')
  return value
}
