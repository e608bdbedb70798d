import assert from 'node:assert/strict'
import { createHash, randomUUID } from 'node:crypto'
import type { IncomingMessage, RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import type { TLSSocket } from 'node:tls'
import { createGuard, type GuardOptions } from '@countersign/guard'
import { countersign } from '@countersign/node'
import { createTestMesh, type TestMesh, type Workload } from '@countersign/testing'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import Provider from 'oidc-provider'
import { BILLING, fetchAs, listen, ORDERS } from './stage.js'

interface Context {
  readonly req: IncomingMessage & { readonly socket: TLSSocket }
}

/** An authorization server that we did not write, whose clients have the SPIFFE IDs of workloads. */
async function startProvider(
  t: TestContext,
  mesh: TestMesh,
  as: Workload,
): Promise<{ readonly issuer: string; readonly jwks: Awaited<ReturnType<typeof exportJWK>>[] }> {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
  const key = { kid: 'provider', use: 'sig', alg: 'ES256' }
  let listener: RequestListener = (_, res) => void res.writeHead(503).end()
  const server = await listen(t, mesh, as, (req, res) => listener(req, res))
  const issuer = `https://localhost:${(server.address() as AddressInfo).port}`
  const client = {
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [],
    token_endpoint_auth_method: 'tls_client_auth',
    id_token_signed_response_alg: 'ES256',
    tls_client_auth_san_uri: ORDERS,
  }
  const provider = new Provider(issuer, {
    clients: [
      { ...client, client_id: 'bound', tls_client_certificate_bound_access_tokens: true },
      { ...client, client_id: 'bearer' },
      { ...client, client_id: 'keyed', dpop_bound_access_tokens: true },
    ],
    clientAuthMethods: ['tls_client_auth', 'private_key_jwt'],
    scopes: ['read'],
    jwks: { keys: [{ ...(await exportJWK(privateKey)), ...key }] },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => BILLING,
        getResourceServerInfo: (_: unknown, audience: string) => ({
          scope: 'read',
          audience,
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: 'ES256' } },
        }),
      },
      dPoP: { enabled: true },
      mTLS: {
        enabled: true,
        tlsClientAuth: true,
        certificateBoundAccessTokens: true,
        getCertificate: ({ req }: Context) => req.socket.getPeerX509Certificate()?.toString(),
        certificateAuthorized: ({ req }: Context) => req.socket.authorized,
        certificateSubjectMatches: ({ req }: Context, property: string, expected: string) =>
          property === 'tls_client_auth_san_uri' && req.socket.getPeerX509Certificate()?.subjectAltName === `URI:${expected}`,
      },
    },
  })
  listener = provider.callback()
  return { issuer, jwks: [{ ...(await exportJWK(publicKey)), ...key }] }
}

async function start(t: TestContext, jwt: object = {}) {
  const mesh = createTestMesh('prod.example')
  const billing = mesh.workload('/billing', { dns: ['localhost'] })
  const [orders, other] = [mesh.workload('/orders'), mesh.workload('/other')]
  const { issuer, jwks } = await startProvider(t, mesh, billing)
  const options: GuardOptions = {
    mtls: { trust: mesh.trust },
    jwt: { issuer, audience: BILLING, keys: { jwks }, ...jwt },
    authorize: 'any-authenticated',
    audit: null,
  }
  const guard = createGuard(options)
  t.after(() => guard.close())
  const service = await listen(
    t,
    mesh,
    billing,
    countersign(guard, (req, res) => void res.end(guard.principal(req).token?.claims['client_id'])),
  )
  const url = `https://localhost:${(service.address() as AddressInfo).port}/`
  async function issue(client_id: string, prove?: Prove): Promise<string> {
    const body = new URLSearchParams({ grant_type: 'client_credentials', client_id, resource: BILLING, scope: 'read' })
    const answer = await fetchAs(mesh, orders)(`${issuer}/token`, {
      method: 'POST',
      body,
      headers: (await prove?.('POST', `${issuer}/token`)) ?? {},
    })
    assert.equal(answer.status, 200, await answer.clone().text())
    return ((await answer.json()) as { readonly access_token: string }).access_token
  }
  const call = (token: string, as: Workload) => fetchAs(mesh, as)(url, { headers: { authorization: `Bearer ${token}` } })
  return { issue, call, orders, other, send: fetchAs(mesh, orders), url }
}

test('our guard accepts a certificate-bound token of oidc-provider with its certificate, and with no other', async (t) => {
  const { issue, call, orders, other } = await start(t)
  const token = await issue('bound')
  const accepted = await call(token, orders)
  assert.equal(accepted.status, 200, await accepted.clone().text())
  assert.equal(await accepted.text(), 'bound')
  const refused = await call(token, other)
  assert.equal(refused.status, 401)
  assert.equal(((await refused.json()) as { readonly code: string }).code, 'ERR_TOKEN_BINDING')
})

test('our guard accepts a bearer token of oidc-provider only where it is told to', async (t) => {
  const strict = await start(t)
  const refused = await strict.call(await strict.issue('bearer'), strict.orders)
  assert.equal(((await refused.json()) as { readonly code: string }).code, 'ERR_TOKEN_UNBOUND')
  const lenient = await start(t, { binding: 'if-bound' })
  assert.equal((await lenient.call(await lenient.issue('bearer'), lenient.other)).status, 200)
})

/** Fields that prove a key for one request, and for one token. */
type Prove = (htm: string, htu: string, token?: string) => Promise<{ readonly dpop: string }>

async function createProver(): Promise<Prove> {
  const { privateKey, publicKey } = await generateKeyPair('ES256')
  const jwk = await exportJWK(publicKey)
  return async (htm, htu, token) => {
    const ath = token === undefined ? {} : { ath: createHash('sha256').update(token).digest('base64url') }
    const claims = { htm, htu, jti: randomUUID(), iat: Math.floor(Date.now() / 1000), ...ath }
    return { dpop: await new SignJWT(claims).setProtectedHeader({ typ: 'dpop+jwt', alg: 'ES256', jwk }).sign(privateKey) }
  }
}

test('our guard accepts a DPoP-bound token of oidc-provider with a proof of its key, and without none', async (t) => {
  const { issue, send, url, call, orders } = await start(t, { binding: 'dpop', dpop: { origins: 'https://localhost:1' } })
  const prove = await createProver()
  const token = await issue('keyed', prove)
  const authorization = `DPoP ${token}`
  const target = 'https://localhost:1/'
  const accepted = await send(url, { headers: { authorization, ...(await prove('GET', target, token)) } })
  assert.equal(accepted.status, 200, await accepted.clone().text())
  assert.equal(await accepted.text(), 'keyed')
  const refusals = [
    [await send(url, { headers: { authorization } }), 'ERR_PROOF_MISSING'],
    [await send(url, { headers: { authorization, ...(await (await createProver())('GET', target, token)) } }), 'ERR_PROOF_BINDING'],
    [await send(url, { headers: { authorization, ...(await prove('GET', `${target}other`, token)) } }), 'ERR_PROOF_TARGET'],
    [await call(token, orders), 'ERR_TOKEN_BINDING'],
  ] as const
  for (const [answer, code] of refusals) {
    assert.equal(answer.status, 401)
    assert.equal(((await answer.json()) as { readonly code: string }).code, code)
  }
})
