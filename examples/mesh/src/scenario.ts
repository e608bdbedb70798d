import { once } from 'node:events'
import { request } from 'node:https'
import { text } from 'node:stream/consumers'
import type { IssuedCertificate } from '@countersign/issuer'
import type { Mesh } from './mesh.js'

/** One call of the demo, and what it is to show. */
export interface Step {
  readonly says: string
  readonly service: 'billing' | 'ledger' | 'stock'
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly as: IssuedCertificate | null
  readonly token?: string
  /** How often in a row. Default 1. */
  readonly times?: number
  readonly expected: number
}

export interface Outcome {
  readonly status: number
  readonly code: string | null
  readonly title: string | null
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
}

/** Good calls and bad ones, one for each thing that a guard is for. */
export function scenario({ callers, signer }: Mesh): readonly Step[] {
  const { orders, shop, stranger } = callers
  const token = (boundTo: IssuedCertificate, changes: object = {}) =>
    signer.sign({ subject: 'alice', audience: 'ledger', scope: 'ledger:write', boundTo, ...changes })
  const forged = `${token(orders).slice(0, -8)}AAAAAAAA`

  return [
    { says: 'orders reads invoices', service: 'billing', method: 'GET', path: '/invoices', as: orders, expected: 200 },
    { says: 'nobody we know asks for health', service: 'billing', method: 'GET', path: '/health', as: null, expected: 200 },
    { says: 'no certificate', service: 'billing', method: 'GET', path: '/invoices', as: null, expected: 403 },
    { says: 'the right name, signed by a stranger', service: 'billing', method: 'GET', path: '/invoices', as: stranger, expected: 403 },
    { says: 'shop is not on the list', service: 'billing', method: 'GET', path: '/invoices', as: shop, expected: 403 },
    { says: 'orders may read, not delete', service: 'billing', method: 'POST', path: '/invoices', as: orders, expected: 403 },
    { says: 'a way around the rules', service: 'billing', method: 'GET', path: '/health/../invoices', as: orders, expected: 400 },
    {
      says: 'orders books for alice',
      service: 'ledger',
      method: 'POST',
      path: '/entries',
      as: orders,
      token: token(orders),
      expected: 200,
    },
    { says: 'a certificate, but no token', service: 'ledger', method: 'POST', path: '/entries', as: orders, expected: 401 },
    {
      says: "shop uses orders' stolen token",
      service: 'ledger',
      method: 'POST',
      path: '/entries',
      as: shop,
      token: token(orders),
      expected: 401,
    },
    { says: 'a forged signature', service: 'ledger', method: 'POST', path: '/entries', as: orders, token: forged, expected: 401 },
    {
      says: 'a token for billing',
      service: 'ledger',
      method: 'POST',
      path: '/entries',
      as: orders,
      token: token(orders, { audience: 'billing' }),
      expected: 401,
    },
    {
      says: 'a token that may only read',
      service: 'ledger',
      method: 'POST',
      path: '/entries',
      as: orders,
      token: token(orders, { scope: 'ledger:read' }),
      expected: 403,
    },
    { says: 'shop looks at the stock', service: 'stock', method: 'GET', path: '/items', as: shop, expected: 200 },
    { says: 'shop cannot stop looking', service: 'stock', method: 'GET', path: '/items', as: shop, times: 3, expected: 429 },
    { says: 'orders has a quota of its own', service: 'stock', method: 'GET', path: '/items', as: orders, expected: 200 },
  ]
}

/** Makes the call, and gives the answer to the last try. */
export async function play(mesh: Mesh, step: Step): Promise<Outcome> {
  const { port } = mesh.services.find(({ name }) => name === step.service) ?? { port: 0 }
  let outcome = await callOnce(mesh, step, port)
  for (let time = 1; time < (step.times ?? 1); time++) outcome = await callOnce(mesh, step, port)
  return outcome
}

async function callOnce(mesh: Mesh, { method, path, as, token }: Step, port: number): Promise<Outcome> {
  const req = request({
    host: 'localhost',
    port,
    method,
    path,
    ca: mesh.ca,
    agent: false,
    ...(as === null ? {} : { cert: as.chainPem, key: as.keyPem }),
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
  })
  req.end()
  const [res] = await once(req, 'response')
  const body = await text(res)
  const problem = String(res.headers['content-type']).startsWith('application/problem+json') ? JSON.parse(body) : null
  return { status: res.statusCode, code: problem?.code ?? null, title: problem?.title ?? null, headers: res.headers, body }
}
