import { createHash, generateKeyPairSync, randomBytes, randomUUID, sign } from 'node:crypto'
import { once } from 'node:events'
import { Agent, createServer, request as httpsRequest } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import type { Clock, StateStore } from '@countersign/core'
import { createKeyRing, type SigningAlgorithm } from '@countersign/issuer'
import {
  type AuthorizationServer,
  type AuthorizationServerOptions,
  createAuthorizationServer,
  type MeshCore,
  type OAuthClient,
} from '@countersign/mesh'
import { createMemoryStateStore, createRevocations } from '@countersign/state'
import { createTestMesh, createTestMeter, createTestRecorder, type TestMesh, type Workload } from '@countersign/testing'
import { createKeyDirectory } from '../../dist/key-directory.js'

/** The parts of a mesh, real ones, with a clock that stands still. */
export interface Stage {
  readonly mesh: TestMesh
  readonly core: MeshCore
  readonly store: StateStore
  readonly recorder: ReturnType<typeof createTestRecorder>
  readonly meter: ReturnType<typeof createTestMeter>
  readonly orders: Workload
  readonly billing: Workload
}

export const ISSUER = 'https://mesh.prod.example'

export async function createStage(
  t: TestContext,
  options: {
    readonly issuer?: string
    readonly algorithm?: SigningAlgorithm
    readonly store?: StateStore | ((clock: Clock) => StateStore)
  } = {},
): Promise<Stage> {
  const mesh = createTestMesh('prod.example')
  const { clock } = mesh
  const recorder = createTestRecorder()
  const meter = createTestMeter()
  const issuer = options.issuer ?? ISSUER
  const { store: given = createMemoryStateStore({ clock }) } = options
  const store = typeof given === 'function' ? given(clock) : given
  const keys = createKeyRing({ clock, recorder, algorithm: options.algorithm ?? 'ES256' })
  const revocations = createRevocations({ store, clock, recorder, meter, heartbeatMs: 10 })
  const surroundings = { clock, recorder, meter, fetch: globalThis.fetch }
  const directory = createKeyDirectory({ issuer, store, keys, clock, recorder, revocations, processId: 'one' })
  t.after(async () => {
    await directory.close()
    await revocations.close()
    await keys.close()
    await store.close()
  })
  await Promise.all([store.ready(), revocations.ready(), directory.ready()])
  const core: MeshCore = {
    issuer,
    keys,
    directory,
    store,
    revocations,
    skewMs: 30_000,
    marginMs: 60_000,
    surroundings,
    randomBytes: (size) => randomBytes(size),
  }
  return {
    mesh,
    core,
    store,
    recorder,
    meter,
    orders: mesh.workload('/orders'),
    billing: mesh.workload('/billing', { dns: ['localhost'], ip: ['127.0.0.1'] }),
  }
}

/** A client that its certificate proves. */
export function certificateClient(id: string, changes: Partial<OAuthClient> = {}): OAuthClient {
  return {
    clientId: id,
    authentication: { method: 'tls_client_auth', sanUri: id },
    grants: ['client_credentials'],
    audiences: ['spiffe://prod.example/billing'],
    ...changes,
  }
}

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
  readonly json: Record<string, unknown>
}

/** The server over real TLS, and a client of it. */
export interface Running {
  readonly server: AuthorizationServer
  readonly origin: string
  readonly port: number
  post(
    path: string,
    form: Readonly<Record<string, string | readonly string[]>> | string,
    as?: Workload | null,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Answer>
  request(
    method: string,
    path: string,
    body: string | null,
    as?: Workload | null,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Answer>
}

export async function run(t: TestContext, stage: Stage, options: Omit<AuthorizationServerOptions, 'mesh'>): Promise<Running> {
  const server = createAuthorizationServer({ mesh: stage.core, mtls: { trust: stage.mesh.trust }, ...options })
  await server.ready()
  const { port, close } = await listen(stage, server.listener)
  t.after(async () => {
    await close()
    await server.close()
  })
  const caller = createCaller(port)
  return { server, port, origin: `https://localhost:${port}`, ...caller }
}

/** A TLS server that asks for certificates and refuses none. */
export async function listen(
  stage: Stage,
  listener: (req: never, res: never) => void,
): Promise<{ readonly port: number; close(): Promise<void> }> {
  const { billing, mesh } = stage
  const server = createServer(
    { cert: billing.chainPem, key: billing.keyPem, ca: mesh.trustPem, requestCert: true, rejectUnauthorized: false },
    listener as never,
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

export function createCaller(port: number): Pick<Running, 'post' | 'request'> {
  function request(
    method: string,
    path: string,
    body: string | null,
    as: Workload | null = null,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answer> {
    const identity = as === null ? {} : { cert: as.chainPem, key: as.keyPem }
    const agent = new Agent({ ...identity, rejectUnauthorized: false, keepAlive: false })
    return new Promise((resolve, reject) => {
      const req = httpsRequest({ agent, host: '127.0.0.1', servername: 'localhost', port, method, path, headers }, (res) => {
        const chunks: Buffer[] = []
        res.on('data', (chunk: Buffer) => chunks.push(chunk))
        res.on('error', reject)
        res.on('end', () => {
          const text = Buffer.concat(chunks).toString()
          const isJson = String(res.headers['content-type']).startsWith('application/json')
          resolve({ status: res.statusCode ?? 0, headers: res.headers, text, json: isJson && text !== '' ? JSON.parse(text) : {} })
        })
      })
      req.on('error', reject)
      req.end(body ?? undefined)
    })
  }

  return {
    request,
    post(path, form, as = null, headers = {}) {
      const body = typeof form === 'string' ? form : encodeForm(form)
      return request('POST', path, body, as, { 'content-type': 'application/x-www-form-urlencoded', ...headers })
    },
  }
}

function encodeForm(form: Readonly<Record<string, string | readonly string[]>>): string {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(form))
    for (const one of typeof value === 'string' ? [value] : value) parameters.append(name, one)
  return parameters.toString()
}

/** The code that the last rejection was written down with. */
export function lastCode({ recorder }: Stage): string | undefined {
  return recorder.of('token.refused').at(-1)?.code
}

/** Moves the clock on, and lets the revocations look again: what they knew is as old as the clock says. */
export async function advance({ mesh, core }: Stage, seconds: number): Promise<void> {
  mesh.clock.advanceSeconds(seconds)
  while (!(core.revocations.ageMs <= core.revocations.leaseMs)) await new Promise((resolve) => setTimeout(resolve, 5))
}

/** A key of a client, and proofs that it makes with it. */
export function createHolder({ mesh }: Stage) {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { kty, crv, x, y } = publicKey.export({ format: 'jwk' })
  const jwk = { kty, crv, x, y }
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  return {
    jkt: createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url'),
    proof(changes: object = {}, header: object = {}): { readonly dpop: string } {
      const iat = Math.floor(mesh.clock.nowMs() / 1000)
      const claims = { htm: 'POST', htu: `${ISSUER}/token`, iat, jti: randomUUID(), ...changes }
      const input = `${encode({ typ: 'dpop+jwt', alg: 'ES256', jwk, ...header })}.${encode(claims)}`
      const signature = sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' })
      return { dpop: `${input}.${signature.toString('base64url')}` }
    },
  }
}
