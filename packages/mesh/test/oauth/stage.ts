import { createHash, generateKeyPairSync, randomUUID, sign } from 'node:crypto'
import { once } from 'node:events'
import { Agent, createServer, request as httpsRequest } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import type { Clock, StateEvent, StateStore } from '@countersign/core'
import {
  type AuthMesh,
  type AuthMeshOptions,
  type AuthorizationServer,
  type AuthorizationServerOptions,
  createAuthMesh,
  createAuthorizationServer,
  type OAuthClient,
} from '@countersign/mesh'
import { createMemoryStateStore } from '@countersign/state'
import { createTestMesh, createTestMeter, createTestRecorder, type TestMesh, type Workload } from '@countersign/testing'
import { coreOf } from '../fixture.js'

/** A mesh of one process, with a clock that stands still. */
export interface Stage {
  readonly mesh: TestMesh
  readonly authMesh: AuthMesh
  readonly core: ReturnType<typeof coreOf>
  readonly store: StateStore
  /** In the order in which they were committed. */
  readonly events: readonly StateEvent[]
  readonly recorder: ReturnType<typeof createTestRecorder>
  readonly meter: ReturnType<typeof createTestMeter>
  readonly orders: Workload
  readonly billing: Workload
}

export const ISSUER = 'https://mesh.prod.example'

/** Whoever proves himself by a certificate, and an auditor. */
const SERVICES: AuthMeshOptions['services'] = {
  'spiffe://prod.example/orders': { mayCall: ['spiffe://prod.example/billing'] },
  'spiffe://prod.example/billing': { mayCall: ['spiffe://prod.example/ledger'] },
  'spiffe://prod.example/ledger': { mayCall: [] },
}

export async function createStage(
  t: TestContext,
  options: Partial<Omit<AuthMeshOptions, 'store'>> & { readonly store?: StateStore | ((clock: Clock) => StateStore) } = {},
): Promise<Stage> {
  const mesh = createTestMesh('prod.example')
  const { clock } = mesh
  const recorder = createTestRecorder()
  const meter = createTestMeter()
  const { store: given = createMemoryStateStore({ clock }), runtime = {}, ...rest } = options
  const store = typeof given === 'function' ? given(clock) : given
  const events: StateEvent[] = []
  const authMesh = createAuthMesh({
    issuer: ISSUER,
    services: SERVICES,
    keys: { algorithm: 'ES256' },
    audit: recorder,
    meter,
    events: () => {},
    ...rest,
    store: watched(store, events),
    runtime: { clock, sleep: async () => {}, ...runtime },
  })
  t.after(async () => {
    await authMesh.close()
    await store.close()
  })
  await authMesh.ready()
  return {
    mesh,
    authMesh,
    core: coreOf(authMesh),
    store,
    events,
    recorder,
    meter,
    orders: mesh.workload('/orders'),
    billing: mesh.workload('/billing', { dns: ['localhost'], ip: ['127.0.0.1'] }),
  }
}

/** The store, whose events are seen as they are committed, whenever they are delivered. */
function watched(store: StateStore, events: StateEvent[]): StateStore {
  return {
    ...store,
    async commit(change) {
      const isMade = await store.commit(change)
      if (isMade) events.push(...(change.emit ?? []))
      return isMade
    },
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
  const server = createAuthorizationServer({ mesh: stage.authMesh, mtls: { trust: stage.mesh.trust }, ...options })
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
  return recorder.events.findLast(({ kind }) => kind === 'token.refused' || kind === 'service.authentication-failed')?.code
}

/** Moves the clock on, and lets the revocations look again: what they knew is as old as the clock says. */
export async function advance({ mesh, core }: Stage, seconds: number): Promise<void> {
  mesh.clock.advanceSeconds(seconds)
  await core.revocations.ready()
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
