import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

/** An example in a process of its own, as a user would run it. */
export interface RunningExample {
  readonly port: number
  stop(): Promise<void>
}

/**
 * Starts `main.js` in the folder of its certificates and waits for the line that names its port.
 * @throws {Error} if it ends before it listens.
 */
export async function startExample(main: string, folder: string): Promise<RunningExample> {
  const child = spawn(process.execPath, [main], { cwd: folder, env: { ...process.env, PORT: '0' }, stdio: ['ignore', 'pipe', 'inherit'] })
  return { port: await portOf(child), stop: () => stop(child) }
}

async function portOf(child: ChildProcess): Promise<number> {
  if (child.stdout === null) throw new Error('the example has no output')
  for await (const line of createInterface({ input: child.stdout })) {
    const port = /listening on https:\/\/localhost:(\d+)/.exec(line)?.[1]
    if (port === undefined) continue
    child.stdout.resume()
    return Number(port)
  }
  throw new Error('the example ended before it listened')
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  await ended
}
