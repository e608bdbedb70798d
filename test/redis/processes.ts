import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import type { JsonWebKey } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { createTestMesh, type Workload } from '@countersign/testing'
import type { ClientKind } from './clients.js'
import { macKey, newName } from './stores.js'

/** What a process of a mesh is told at its start. */
export interface ProcessConfig {
  readonly redisPort: number
  readonly kind: ClientKind
  readonly name: string
  readonly macKey: string
  readonly relays: boolean
  readonly certFile: string
  readonly keyFile: string
  readonly trustFile: string
  readonly issuer: string
  readonly audience: string
  readonly jwks: readonly JsonWebKey[]
}

export type Asked =
  | { readonly ask: 'ready' | 'revoke-current' | 'look' | 'close' }
  | { readonly ask: 'revoke' | 'authenticate' | 'emit-and-die' | 'take-and-die'; readonly id: string }
  | { readonly ask: 'claim'; readonly ids: readonly string[] }

export type Question = Asked & { readonly number: number }
export interface Reply {
  readonly id: number
  readonly value?: unknown
  readonly error?: string
}
export type Answer = Reply | { readonly delivered: string }

const AUDIENCE = 'spiffe://prod.example/billing'
// Processes of their own have the real time.
const mesh = createTestMesh('prod.example', { clock: { nowMs: () => Date.now(), setMs() {}, advanceSeconds() {} } })
const billing = mesh.workload('/billing', { dns: ['localhost'] })
const orders: Workload = mesh.workload('/orders')
const folder = mkdtempSync(join(tmpdir(), 'countersign-processes-'))
after(() => rmSync(folder, { recursive: true, force: true }))
function write(name: string, text: string): string {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}
const files = {
  certFile: write('cert.pem', billing.chainPem),
  keyFile: write('key.pem', billing.keyPem),
  trustFile: write('trust.pem', mesh.trustPem),
}

/** A process of its own that guards a service. */
export interface MeshProcess {
  ask<T>(asked: Asked): Promise<T>
  /** Ids of events that its relay has delivered. */
  readonly delivered: readonly string[]
  /** Sends a request on the one connection that stays open, and says what came: `served`, or a code. */
  send(token: string): Promise<string>
  /** Waits for its end, which it has brought about itself. */
  gone(): Promise<void>
}

/** The name of a mesh, and how its processes are started. Each is ended with the test, and must have written nothing to its errors. */
export interface ProcessMesh {
  start(redisPort: number, options?: { readonly kind?: ClientKind; readonly relays?: boolean }): Promise<MeshProcess>
}

export function createProcessMesh(t: TestContext): ProcessMesh {
  const name = newName()
  return {
    async start(redisPort, { kind = 'node-redis', relays = false } = {}) {
      const config: ProcessConfig = {
        redisPort,
        kind,
        name,
        macKey: macKey.toString('base64'),
        relays,
        ...files,
        issuer: mesh.signer.issuer,
        audience: AUDIENCE,
        jwks: mesh.signer.jwks().keys,
      }
      const program = fileURLToPath(new URL('./mesh-process.js', import.meta.url))
      const child = fork(program, [JSON.stringify(config)], { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] })
      return attach(t, child)
    },
  }
}

async function attach(t: TestContext, child: ChildProcess): Promise<MeshProcess> {
  const output: string[] = []
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => output.push(String(chunk)))
  const exited = once(child, 'exit')
  const waiting = new Map<number, (reply: Reply) => void>()
  const delivered: string[] = []
  let asked = 0
  let isKilled = false
  child.on('message', (answer: Answer) => {
    if ('delivered' in answer) delivered.push(answer.delivered)
    else waiting.get(answer.id)?.(answer)
  })

  async function ask<T>(question: Asked): Promise<T> {
    const number = ++asked
    const answered = new Promise<Reply>((resolve) => waiting.set(number, resolve))
    child.send({ ...question, number })
    const answer = await Promise.race([answered, exited.then(() => null)])
    waiting.delete(number)
    if (answer === null) throw new Error(`the process has ended: ${output.join('')}`)
    if (answer.error !== undefined) throw new Error(answer.error)
    return answer.value as T
  }

  t.after(async () => {
    agent?.destroy()
    if (!isKilled) {
      child.send({ ask: 'close', number: ++asked })
      const [code] = await exited
      assert.equal(code, 0)
    }
    assert.equal(output.join(''), '', 'a process says nothing, least of all about an error that nobody handled')
  })
  let agent: Agent | undefined
  const port = await ask<number>({ ask: 'ready' })
  agent = new Agent({
    host: '127.0.0.1',
    port,
    servername: 'localhost',
    ca: mesh.trustPem,
    cert: orders.chainPem,
    key: orders.keyPem,
    keepAlive: true,
    maxSockets: 1,
  })
  const ports = new Set<number | undefined>()

  return {
    ask,
    delivered,
    async send(token) {
      const headers = { host: `localhost:${port}`, authorization: `Bearer ${token}` }
      const sent = request({ host: '127.0.0.1', port, agent, headers })
      sent.end()
      const [response] = await once(sent, 'response')
      ports.add(sent.socket?.localPort)
      assert.equal(ports.size, 1, 'the connection stays open')
      const text = (await response.setEncoding('utf8').toArray()).join('')
      return text.startsWith('{') ? String(JSON.parse(text).code) : text
    },
    async gone() {
      isKilled = true
      await exited
    },
  }
}

/** A token for the service of every process, and what it is revoked by. */
export function issue(): { readonly token: string; readonly jti: string } {
  const token = mesh.token({ audience: AUDIENCE, boundTo: orders })
  const { jti } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { readonly jti: string }
  return { token, jti }
}
