import assert from 'node:assert/strict'
import { createPublicKey, type JsonWebKey } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import type { TLSSocket } from 'node:tls'
import { createGuard } from '@countersign/guard'
import { countersign } from '@countersign/node'
import fastifyJwt from '@fastify/jwt'
import express from 'express'
import { auth } from 'express-oauth2-jwt-bearer'
import fastify from 'fastify'
import { createLocalJWKSet, createRemoteJWKSet, customFetch, jwtVerify } from 'jose'
import { byCertificate, signing } from './clients.js'
import { BILLING, createStage, listen, ORDERS, type Stage } from './stage.js'

/** A bearer token, for verifiers that know of nothing else. */
async function bearer(
  t: TestContext,
): Promise<{ readonly stage: Stage; readonly token: string; readonly jwks: { readonly keys: JsonWebKey[] } }> {
  const { client } = await signing()
  const stage = await createStage(t, () => ({
    clients: [
      byCertificate(ORDERS),
      {
        ...client,
        clientId: 'tool',
        authentication: { method: 'tls_client_auth', sanUri: ORDERS },
        senderConstrained: 'dpop',
        dangerouslyUnbound: true,
      },
    ],
  }))
  const jwks = (await (await stage.fetchAs(null)(`${stage.issuer}/jwks`)).json()) as { readonly keys: JsonWebKey[] }
  return { stage, token: await issue(stage, 'tool'), jwks }
}

async function issue(stage: Stage, client_id: string): Promise<string> {
  const body = new URLSearchParams({ grant_type: 'client_credentials', client_id, audience: BILLING })
  const answer = await stage.fetchAs(stage.orders)(`${stage.issuer}/token`, { method: 'POST', body })
  const { access_token: token } = (await answer.json()) as { readonly access_token: string }
  return token
}

test('jose verifies our tokens with the keys of our jwks_uri', async (t) => {
  const { stage, token } = await bearer(t)
  const keys = createRemoteJWKSet(new URL(`${stage.issuer}/jwks`), { [customFetch]: stage.fetchAs(null) })
  const { payload } = await jwtVerify(token, keys, { issuer: stage.issuer, audience: BILLING, typ: 'at+jwt', algorithms: ['RS256'] })
  assert.equal(payload['client_id'], 'tool')
  await assert.rejects(jwtVerify(token, keys, { issuer: stage.issuer, audience: ORDERS }), { code: 'ERR_JWT_CLAIM_VALIDATION_FAILED' })
})

test('@fastify/jwt accepts our tokens', async (t) => {
  const { stage, token, jwks } = await bearer(t)
  const app = fastify()
  t.after(() => app.close())
  const secret = createPublicKey({ key: jwks.keys[0] ?? {}, format: 'jwk' })
    .export({ type: 'spki', format: 'pem' })
    .toString()
  await app.register(fastifyJwt, {
    secret: { public: secret },
    verify: { allowedIss: stage.issuer, allowedAud: BILLING, algorithms: ['RS256'] },
  })
  app.get('/', async (request) => {
    await request.jwtVerify()
    return request.user
  })
  const accepted = await app.inject({ url: '/', headers: { authorization: `Bearer ${token}` } })
  assert.equal(accepted.statusCode, 200)
  assert.equal(accepted.json()['sub'], 'tool')
  assert.equal((await app.inject({ url: '/', headers: { authorization: `Bearer ${token.slice(0, -4)}AAAA` } })).statusCode, 401)
})

test('express-oauth2-jwt-bearer accepts our tokens, and those bound to a certificate with it alone', async (t) => {
  const { stage, token, jwks } = await bearer(t)
  // Its fetch knows no other CA than the system's: the keys of the endpoint are served to it without TLS.
  const keys = createServer((_, res) => void res.setHeader('content-type', 'application/json').end(JSON.stringify(jwks)))
  keys.listen(0, '127.0.0.1')
  await once(keys, 'listening')
  t.after(() => keys.close())
  const app = express()
  const jwksUri = `http://127.0.0.1:${(keys.address() as AddressInfo).port}/`
  const options = { issuer: stage.issuer, jwksUri, audience: BILLING, tokenSigningAlg: 'RS256', strict: true }
  const getCertificate = (req: express.Request) => (req.socket as TLSSocket).getPeerX509Certificate()?.raw
  app.use('/bearer', auth(options))
  app.use('/bound', auth({ ...options, mtls: { enabled: true, required: true }, getCertificate }))
  app.use((req, res) => void res.json(req.auth?.payload))
  app.use(
    (error: { readonly status?: number }, _req: unknown, res: express.Response, _next: unknown) =>
      void res.status(error.status ?? 500).end(),
  )
  const service = await listen(t, stage.mesh, stage.billing, app)
  const origin = `https://localhost:${(service.address() as AddressInfo).port}`
  const call = (path: string, text: string, as = stage.orders) =>
    stage.fetchAs(as)(`${origin}${path}`, { headers: { authorization: `Bearer ${text}` } })
  const accepted = await call('/bearer', token)
  assert.equal(accepted.status, 200)
  assert.equal(((await accepted.json()) as { readonly sub: string }).sub, 'tool')
  assert.equal((await call('/bearer', `${token.slice(0, -4)}AAAA`)).status, 401)
  const bound = await issue(stage, ORDERS)
  assert.equal((await call('/bound', bound)).status, 200)
  assert.equal((await call('/bound', bound, stage.billing)).status, 401)
  assert.equal((await call('/bound', token)).status, 401)
})

test('the key set that is published holds what verifies, and works offline', async (t) => {
  const stage = await createStage(t, () => ({ clients: [byCertificate(ORDERS)] }), 'ES256')
  const jwks = (await (await stage.fetchAs(null)(`${stage.issuer}/jwks`)).json()) as Parameters<typeof createLocalJWKSet>[0]
  const { payload } = await jwtVerify(await issue(stage, ORDERS), createLocalJWKSet(jwks), { algorithms: ['ES256'] })
  assert.deepEqual(payload['cnf'], { 'x5t#S256': stage.orders['x5t#S256'] })
})

test('our guard accepts our tokens with their certificate until they are revoked, and the mesh knows of it', async (t) => {
  const stage = await createStage(t, () => ({ clients: [byCertificate(ORDERS)] }))
  const guard = createGuard({
    mtls: { trust: stage.mesh.trust },
    jwt: stage.authMesh.jwt({ audience: BILLING }),
    authorize: [ORDERS],
    audit: null,
  })
  t.after(() => guard.close())
  const service = await listen(
    t,
    stage.mesh,
    stage.billing,
    countersign(guard, (req, res) => void res.end(guard.principal(req).token?.subject)),
  )
  const url = `https://localhost:${(service.address() as AddressInfo).port}/`
  const token = await issue(stage, ORDERS)
  const call = (as: Parameters<typeof stage.fetchAs>[0]) => stage.fetchAs(as)(url, { headers: { authorization: `Bearer ${token}` } })
  assert.equal(await (await call(stage.orders)).text(), ORDERS)
  const another = await call(stage.mesh.workload('/orders'))
  assert.equal(((await another.json()) as { readonly code: string }).code, 'ERR_TOKEN_BINDING')
  const body = new URLSearchParams({ client_id: ORDERS, token })
  assert.equal((await stage.fetchAs(stage.orders)(`${stage.issuer}/revoke`, { method: 'POST', body })).status, 200)
  const revoked = await call(stage.orders)
  assert.equal(((await revoked.json()) as { readonly code: string }).code, 'ERR_TOKEN_REVOKED')
  assert.equal(await stage.authMesh.status(ORDERS), 'REVOKED')
})
