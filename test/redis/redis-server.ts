import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ROOT } from '../house/root.js'

/** A server of Redis of a test's own, on the loopback interface. It ends with the process of the test at the latest. */
export interface RedisServer {
  readonly port: number
  readonly folder: string
  /** A client's URL. */
  readonly url: string
  /** Sends a command on a connection of its own and gives the answer as it stands on the wire. */
  command(...args: readonly string[]): Promise<string>
  /** Stands still without closing anything, as a machine that has vanished does. */
  freeze(): void
  thaw(): void
  /** Ends at once, and keeps nothing that is not on the disk. */
  kill(): Promise<void>
  /** Again, on the same port, with what is on the disk. */
  start(): Promise<void>
  stop(): Promise<void>
}

const START_TIMEOUT_MS = 20_000
const LOOK_INTERVAL_MS = 20

export async function startRedis(args: readonly string[] = [], port?: number): Promise<RedisServer> {
  const path = await pathOfServer()
  const folder = mkdtempSync(join(tmpdir(), 'countersign-redis-'))
  const ownPort = port ?? (await freePort())
  let child: ChildProcess | null = null

  async function start(): Promise<void> {
    const base = ['--port', String(ownPort), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder]
    const started = spawn(path, [...base, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    child = started
    const kill = (): void => void started.kill('SIGKILL')
    process.once('exit', kill)
    started.once('exit', () => process.off('exit', kill))
    const output: string[] = []
    for (const stream of [started.stdout, started.stderr]) stream.on('data', (chunk) => output.push(String(chunk)))
    const until = performance.now() + START_TIMEOUT_MS
    const plainPort = args.includes('--tls-port') ? Number(args[args.indexOf('--tls-port') + 1]) : ownPort
    while (performance.now() < until && started.exitCode === null) {
      if (await accepts(plainPort)) return
      await new Promise((resolve) => setTimeout(resolve, LOOK_INTERVAL_MS))
    }
    throw new Error(`redis-server does not start: ${output.join('')}`)
  }

  async function end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const running = child
    if (running === null || running.exitCode !== null || running.signalCode !== null) return
    const gone = once(running, 'exit')
    running.kill('SIGCONT')
    running.kill(signal)
    await gone
  }

  await start()
  return {
    port: ownPort,
    folder,
    url: `redis://127.0.0.1:${ownPort}`,
    command: (...command) => send(ownPort, command),
    freeze: () => void child?.kill('SIGSTOP'),
    thaw: () => void child?.kill('SIGCONT'),
    kill: () => end('SIGKILL'),
    start,
    async stop() {
      await end('SIGKILL')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function pathOfServer(): Promise<string> {
  const { locate } = (await import(pathToFileURL(join(ROOT, 'test/tools/servers.mjs')).href)) as {
    locate(name: string): string | null
  }
  const path = locate('redis-server')
  if (path === null) throw new Error('redis-server is not installed: node test/tools/servers.mjs')
  return path
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    const answer = (open: boolean) => (): void => {
      socket.destroy()
      resolve(open)
    }
    socket.once('connect', answer(true)).once('error', answer(false))
  })
}

/** One command, by hand: what a test does to the store must not go through what it tests. */
async function send(port: number, command: readonly string[]): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  const chunks: Buffer[] = []
  socket.on('data', (chunk) => chunks.push(chunk))
  // The server closes the connection after the second: then the first has been answered.
  const encoded = [command, ['QUIT']].map((parts) =>
    Buffer.concat([Buffer.from(`*${parts.length}\r\n`), ...parts.map((part) => Buffer.from(`$${Buffer.byteLength(part)}\r\n${part}\r\n`))]),
  )
  socket.write(Buffer.concat(encoded))
  await once(socket, 'close')
  const answer = Buffer.concat(chunks)
    .toString('utf8')
    .replace(/\+OK\r\n$/, '')
  if (answer.startsWith('-') && command[0] !== 'SHUTDOWN') throw new Error(answer.trim())
  return answer.trim()
}
