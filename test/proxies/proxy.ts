import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ROOT } from '../house/root.js'
import type { Site } from './site.js'

/** One kind of proxy: how its configuration of the guide becomes one that runs here. */
export interface ProxyKind {
  /** Of the program, as `test/tools/servers.mjs` knows it. */
  readonly name: 'nginx' | 'haproxy' | 'apache2' | 'caddy'
  /** Of the block in the guide, and how that begins where there are several. */
  readonly language: string
  readonly beginning?: string
  /** The name that our options have for it. */
  readonly format: string
  /** The whole configuration, made of the guide's block with its paths and ports filled in. */
  configure(block: string, place: Place): string
  args(place: Place): readonly string[]
  /** What the proxy writes for a certificate, worked out here: what it really sends must be just this. Spelled as the proxy spells it. */
  fields(evidence: Evidence): Readonly<Record<string, string>>
  /** Changes of the guide's block after which the proxy lets through what it does not trust, and says so if it can. */
  readonly lenient: Readonly<Record<string, string>>
  /** What it refuses even so. */
  readonly refusesItself: readonly Fault[]
}

export interface Place {
  readonly folder: string
  readonly config: string
  readonly ingress: string
  readonly port: number
  readonly servicePort: number
}

/** What is wrong with a certificate. */
export type Fault = 'expired' | 'unknown-authority'

/** What the client of a connection has shown. */
export type Evidence = { readonly certificateDer: Uint8Array; readonly fault: Fault | null } | null

/** As X509_verify_cert_error_string() of OpenSSL says it. */
export const OPENSSL_TEXTS: Readonly<Record<Fault, string>> = {
  expired: 'certificate has expired',
  'unknown-authority': 'unable to verify the first certificate',
}

export interface RunningProxy {
  readonly port: number
  log(): string
  stop(): Promise<void>
}

const START_TIMEOUT_MS = 20_000
const STOP_TIMEOUT_MS = 5000
const LOOK_INTERVAL_MS = 20
const PORTS_TRIED = 5

/** Where a program is. Throws where it is not: `test/run.mjs` does not start these tests then. */
export async function pathOf(program: string): Promise<string> {
  const { locate } = (await import(pathToFileURL(join(ROOT, 'test/tools/servers.mjs')).href)) as {
    locate(name: string): string | null
  }
  const path = locate(program)
  if (path === null) throw new Error(`${program} is not installed: node test/tools/servers.mjs`)
  return path
}

/** Starts a proxy in front of a service, in the foreground, with nothing of the machine's own configuration. */
export async function startProxy(kind: ProxyKind, site: Site, servicePort: number, block: string): Promise<RunningProxy> {
  const path = await pathOf(kind.name)
  const folder = mkdtempSync(join(site.folder, `${kind.name}-`))
  for (let attempt = 1; ; attempt += 1) {
    const place: Place = { folder, config: join(folder, 'config'), ingress: site.folder, port: await freePort(), servicePort }
    writeFileSync(place.config, kind.configure(block, place))
    const log = join(folder, 'output')
    const child = spawn(path, kind.args(place), {
      cwd: folder,
      env: { PATH: process.env['PATH'], HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    // Where a test fails so badly that nobody stops it.
    const kill = (): void => void child.kill('SIGKILL')
    process.once('exit', kill)
    child.once('exit', () => process.off('exit', kill))
    const output: string[] = []
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => output.push(String(chunk)))
    const text = (): string => output.join('') + readIfThere(log)
    const listening = await waitForPort(place.port, child)
    if (listening) return { port: place.port, log: text, stop: () => stop(child) }
    await stop(child)
    // Somebody else may have taken the port meanwhile.
    if (attempt === PORTS_TRIED || !/in use|cannot bind/i.test(text())) throw new Error(`${kind.name} does not start: ${text()}`)
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

/** Until somebody listens, or the program has ended. */
async function waitForPort(port: number, child: ChildProcess): Promise<boolean> {
  const until = performance.now() + START_TIMEOUT_MS
  while (performance.now() < until && child.exitCode === null && child.signalCode === null) {
    if (await accepts(port)) return true
    await new Promise((resolve) => setTimeout(resolve, LOOK_INTERVAL_MS))
  }
  return false
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

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS)
  child.kill('SIGTERM')
  await gone
  clearTimeout(timer)
}
