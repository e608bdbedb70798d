import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeToken } from '@countersign/token'
import { calculateJwkThumbprint, exportJWK } from 'jose'
import * as oauth from 'oauth4webapi'
import { byCertificate, selfSigned, signing } from './clients.js'
import { BILLING, createStage, ORDERS, type Stage } from './stage.js'

const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token'

async function discover({ issuer, fetchAs }: Stage): Promise<oauth.AuthorizationServer> {
  const url = new URL(issuer)
  const response = await oauth.discoveryRequest(url, { algorithm: 'oauth2', [oauth.customFetch]: fetchAs(null) })
  return oauth.processDiscoveryResponse(url, response)
}

test('oauth4webapi finds the server and gets a certificate-bound token by tls_client_auth', async (t) => {
  const stage = await createStage(t, () => ({ clients: [byCertificate(ORDERS)] }))
  const as = await discover(stage)
  const client = { client_id: ORDERS }
  const options = { [oauth.customFetch]: stage.fetchAs(stage.orders) }
  const response = await oauth.clientCredentialsGrantRequest(
    as,
    client,
    oauth.TlsClientAuth(),
    { audience: BILLING, scope: 'read write' },
    options,
  )
  const result = await oauth.processClientCredentialsResponse(as, client, response)
  assert.equal(result.token_type, 'bearer')
  assert.equal(result.scope, 'read write')
  assert.deepEqual({ ...(decodeToken(result.access_token).claims['cnf'] as object) }, { 'x5t#S256': stage.orders['x5t#S256'] })
})

test('oauth4webapi gets a token by a self-signed certificate that the client registered', async (t) => {
  const { workload, client: registered } = selfSigned()
  const stage = await createStage(t, () => ({ clients: [registered] }))
  const as = await discover(stage)
  const client = { client_id: 'tool' }
  const options = { [oauth.customFetch]: stage.fetchAs(workload) }
  const response = await oauth.clientCredentialsGrantRequest(as, client, oauth.TlsClientAuth(), { audience: BILLING }, options)
  const result = await oauth.processClientCredentialsResponse(as, client, response)
  assert.deepEqual({ ...(decodeToken(result.access_token).claims['cnf'] as object) }, { 'x5t#S256': workload['x5t#S256'] })
})

for (const algorithm of ['ES256', 'RS256', 'PS256', 'Ed25519'] as const) {
  test(`oauth4webapi gets a token by private_key_jwt with ${algorithm}`, async (t) => {
    const { key, client: registered } = await signing(algorithm)
    const stage = await createStage(t, () => ({ clients: [registered] }))
    const as = await discover(stage)
    const client = { client_id: 'signer' }
    const authentication = oauth.PrivateKeyJwt({ key, kid: `${algorithm}-key` })
    const options = { [oauth.customFetch]: stage.fetchAs(null) }
    const response = await oauth.clientCredentialsGrantRequest(as, client, authentication, { resource: 'https://api.example/' }, options)
    const result = await oauth.processClientCredentialsResponse(as, client, response)
    assert.equal(decodeToken(result.access_token).claims['aud'], 'https://api.example/')
  })
}

test('oauth4webapi exchanges a token, asks about it and revokes it', async (t) => {
  const stage = await createStage(t, () => ({ clients: [byCertificate(ORDERS), byCertificate(BILLING)] }))
  const as = await discover(stage)
  const [orders, billing] = [{ client_id: ORDERS }, { client_id: BILLING }]
  const asOrders = { [oauth.customFetch]: stage.fetchAs(stage.orders) }
  const asBilling = { [oauth.customFetch]: stage.fetchAs(stage.billing) }
  const first = await oauth.processClientCredentialsResponse(
    as,
    orders,
    await oauth.clientCredentialsGrantRequest(as, orders, oauth.TlsClientAuth(), { audience: BILLING }, asOrders),
  )
  const parameters = { subject_token: first.access_token, subject_token_type: ACCESS_TOKEN, audience: ORDERS }
  const exchanged = await oauth.processGenericTokenEndpointResponse(
    as,
    billing,
    await oauth.genericTokenEndpointRequest(as, billing, oauth.TlsClientAuth(), EXCHANGE, parameters, asBilling),
  )
  assert.equal(exchanged['issued_token_type'], ACCESS_TOKEN)
  const { access_token: token } = exchanged
  const ask = async () =>
    oauth.processIntrospectionResponse(as, billing, await oauth.introspectionRequest(as, billing, oauth.TlsClientAuth(), token, asBilling))
  const described = await ask()
  assert.equal(described.active, true)
  assert.equal(described.sub, ORDERS)
  assert.deepEqual(described['act'], { sub: BILLING, iss: stage.issuer })
  await oauth.processRevocationResponse(await oauth.revocationRequest(as, billing, oauth.TlsClientAuth(), token, asBilling))
  assert.deepEqual(await ask(), { active: false })
})

test('oauth4webapi refreshes a token once, and what it spent is refused', async (t) => {
  const refresh = { windowSeconds: 3600 }
  const stage = await createStage(t, () => ({ clients: [byCertificate(ORDERS, { refresh })] }))
  const as = await discover(stage)
  const client = { client_id: ORDERS }
  const options = { [oauth.customFetch]: stage.fetchAs(stage.orders) }
  const first = await oauth.processClientCredentialsResponse(
    as,
    client,
    await oauth.clientCredentialsGrantRequest(as, client, oauth.TlsClientAuth(), { audience: BILLING }, options),
  )
  const spend = async () => oauth.refreshTokenGrantRequest(as, client, oauth.TlsClientAuth(), String(first.refresh_token), options)
  const second = await oauth.processRefreshTokenResponse(as, client, await spend())
  assert.notEqual(second.access_token, first.access_token)
  await assert.rejects(async () => oauth.processRefreshTokenResponse(as, client, await spend()), { error: 'invalid_grant' })
})

test('oauth4webapi understands why it gets no token', async (t) => {
  const stage = await createStage(t, () => ({ clients: [byCertificate(ORDERS)] }))
  const as = await discover(stage)
  const client = { client_id: ORDERS }
  const call = async (parameters: Record<string, string>, workload: typeof stage.orders | null) =>
    oauth.processClientCredentialsResponse(
      as,
      client,
      await oauth.clientCredentialsGrantRequest(as, client, oauth.TlsClientAuth(), parameters, {
        [oauth.customFetch]: stage.fetchAs(workload),
      }),
    )
  await assert.rejects(call({ audience: BILLING, scope: 'root' }, stage.orders), { error: 'invalid_scope' })
  await assert.rejects(call({ audience: 'x' }, stage.orders), { error: 'invalid_target' })
  await assert.rejects(call({ audience: BILLING }, null), { code: 'OAUTH_WWW_AUTHENTICATE_CHALLENGE', status: 401 })
})

for (const nonce of [false, true]) {
  test(`oauth4webapi gets a DPoP-bound token${nonce ? ', with the nonce that it is told' : ''}`, async (t) => {
    const { key, client: registered } = await signing()
    const stage = await createStage(t, () => ({ clients: [registered], ...(nonce ? { dpop: { nonce: {} } } : {}) }))
    const as = await discover(stage)
    const client: oauth.Client = { client_id: 'signer' }
    const pair = await oauth.generateKeyPair('ES256', { extractable: true })
    const options = { [oauth.customFetch]: stage.fetchAs(null), DPoP: oauth.DPoP(client, pair) }
    const call = async () =>
      oauth.processClientCredentialsResponse(
        as,
        client,
        await oauth.clientCredentialsGrantRequest(
          as,
          client,
          oauth.PrivateKeyJwt({ key, kid: 'ES256-key' }),
          { audience: BILLING },
          options,
        ),
      )
    if (nonce) await assert.rejects(call(), (error) => oauth.isDPoPNonceError(error))
    const result = await call()
    assert.equal(result.token_type, 'dpop')
    const { cnf } = decodeToken(result.access_token).claims
    assert.deepEqual({ ...(cnf as object) }, { jkt: await calculateJwkThumbprint(await exportJWK(pair.publicKey)) })
  })
}
