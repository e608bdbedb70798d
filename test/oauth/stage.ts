import { once } from 'node:events'
import type { IncomingMessage, RequestListener } from 'node:http'
import { Agent, createServer, request, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import type { SigningAlgorithm } from '@countersign/issuer'
import {
  type AuthMesh,
  type AuthorizationServer,
  type AuthorizationServerOptions,
  createAuthMesh,
  createAuthorizationServer,
} from '@countersign/mesh'
import { createTestMesh, createTestRecorder, type TestMesh, type Workload } from '@countersign/testing'

export const ORDERS = 'spiffe://prod.example/orders'
export const BILLING = 'spiffe://prod.example/billing'

/** An authorization server on a real TLS server, under the issuer at which it is found. */
export interface Stage {
  readonly issuer: string
  readonly authMesh: AuthMesh
  readonly mesh: TestMesh
  readonly recorder: ReturnType<typeof createTestRecorder>
  readonly server: AuthorizationServer
  readonly orders: Workload
  readonly billing: Workload
  /** `fetch` with a client certificate, which that of Node does not have. */
  fetchAs(workload: Workload | null): Fetch
}

/** As each client has its own idea of the options. */
export type Fetch = (input: string | URL | Request, init?: object) => Promise<Response>

export async function createStage(
  t: TestContext,
  options: (stage: Pick<Stage, 'mesh' | 'issuer' | 'orders' | 'billing'>) => Omit<AuthorizationServerOptions, 'mesh'>,
  algorithm: SigningAlgorithm = 'RS256',
): Promise<Stage> {
  const mesh = createTestMesh('prod.example')
  const orders = mesh.workload('/orders')
  const billing = mesh.workload('/billing', { dns: ['localhost'], ip: ['127.0.0.1'] })
  let listener: RequestListener = (_, res) => void res.writeHead(503).end()
  const tls = await listen(t, mesh, billing, (req, res) => listener(req, res))
  const issuer = `https://localhost:${(tls.address() as AddressInfo).port}`
  const { authMesh, recorder } = await createMesh(t, issuer, algorithm)
  const server = createAuthorizationServer({ mesh: authMesh, mtls: { trust: mesh.trust }, ...options({ mesh, issuer, orders, billing }) })
  await server.ready()
  t.after(() => server.close())
  listener = server.listener
  return { issuer, authMesh, mesh, recorder, server, orders, billing, fetchAs: (workload) => fetchAs(mesh, workload) }
}

/** A mesh of one process. */
export async function createMesh(t: TestContext, issuer: string, algorithm: SigningAlgorithm = 'RS256') {
  const recorder = createTestRecorder()
  const services = { [ORDERS]: { mayCall: [BILLING] }, [BILLING]: { mayCall: [ORDERS] } }
  const authMesh = createAuthMesh({ issuer, services, keys: { algorithm }, audit: recorder })
  t.after(() => authMesh.close())
  await authMesh.ready()
  return { authMesh, recorder }
}

/** A TLS server that asks for certificates and refuses none. */
export async function listen(t: TestContext, mesh: TestMesh, as: Workload, listener: RequestListener): Promise<Server> {
  const server = createServer(
    { cert: as.chainPem, key: as.keyPem, ca: mesh.trustPem, requestCert: true, rejectUnauthorized: false },
    listener,
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(async () => {
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  })
  return server
}

/** `fetch` with a client certificate. */
export function fetchAs(mesh: TestMesh, workload: Workload | null): Fetch {
  const identity = workload === null ? {} : { cert: workload.chainPem, key: workload.keyPem }
  const agent = new Agent({ ...identity, ca: mesh.trustPem, keepAlive: false })
  return async (input, init) => {
    const asked = new Request(input, init as RequestInit)
    const body = Buffer.from(await asked.arrayBuffer())
    const headers = Object.fromEntries(asked.headers)
    const url = new URL(asked.url)
    const res = await new Promise<IncomingMessage>((resolve, reject) => {
      const req = request(url, { agent, method: asked.method, headers: { ...headers, 'content-length': body.length } }, resolve)
      req.on('error', reject)
      req.end(body)
    })
    const chunks: Buffer[] = []
    for await (const chunk of res) chunks.push(chunk as Buffer)
    const fields = Object.entries(res.headers).flatMap(([name, value]) =>
      typeof value === 'string' ? [[name, value] as [string, string]] : [],
    )
    const status = res.statusCode ?? 500
    return new Response(chunks.length === 0 ? null : Buffer.concat(chunks), { status, headers: fields })
  }
}
