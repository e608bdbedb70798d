import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeToken } from '@countersign/token'
import * as openid from 'openid-client'
import { byCertificate, signing } from './clients.js'
import { BILLING, createStage, ORDERS, type Stage } from './stage.js'

const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token'

function configure(
  { issuer, fetchAs }: Stage,
  clientId: string,
  authentication: openid.ClientAuth,
  workload: Parameters<Stage['fetchAs']>[0],
) {
  return openid.discovery(new URL(issuer), clientId, undefined, authentication, {
    algorithm: 'oauth2',
    [openid.customFetch]: fetchAs(workload),
  })
}

test('openid-client gets, refreshes, exchanges, asks about and revokes tokens over mutual TLS', async (t) => {
  const refresh = { windowSeconds: 3600 }
  const stage = await createStage(t, () => ({ clients: [byCertificate(ORDERS, { refresh }), byCertificate(BILLING)] }))
  const orders = await configure(stage, ORDERS, openid.TlsClientAuth(), stage.orders)
  const billing = await configure(stage, BILLING, openid.TlsClientAuth(), stage.billing)
  const first = await openid.clientCredentialsGrant(orders, { audience: BILLING, scope: 'read' })
  assert.equal(first.token_type, 'bearer')
  const second = await openid.refreshTokenGrant(orders, String(first.refresh_token))
  const parameters = { subject_token: second.access_token, subject_token_type: ACCESS_TOKEN, audience: ORDERS }
  const exchanged = await openid.genericGrantRequest(billing, EXCHANGE, parameters)
  assert.equal(decodeToken(exchanged.access_token).claims['sub'], ORDERS)
  assert.equal((await openid.tokenIntrospection(billing, exchanged.access_token)).active, true)
  await openid.tokenRevocation(billing, exchanged.access_token)
  assert.deepEqual(await openid.tokenIntrospection(billing, exchanged.access_token), { active: false })
})

test('openid-client gets a token by private_key_jwt', async (t) => {
  const { key, client } = await signing()
  const stage = await createStage(t, () => ({ clients: [client] }))
  const config = await configure(stage, 'signer', openid.PrivateKeyJwt({ key, kid: 'ES256-key' }), null)
  const result = await openid.clientCredentialsGrant(config, { audience: BILLING })
  assert.equal(decodeToken(result.access_token).claims['sub'], 'signer')
})

test('openid-client gets a token that is bound to its certificate and its DPoP key, and refreshes it, nonces and all', async (t) => {
  const clients = [byCertificate(ORDERS, { refresh: { windowSeconds: 3600 } })]
  const stage = await createStage(t, () => ({ clients, dpop: { nonce: {} } }))
  const config = await configure(stage, ORDERS, openid.TlsClientAuth(), stage.orders)
  const DPoP = openid.getDPoPHandle(config, await openid.randomDPoPKeyPair('ES256'))
  const first = await openid.clientCredentialsGrant(config, { audience: BILLING }, { DPoP })
  assert.equal(first.token_type, 'dpop')
  const cnf = decodeToken(first.access_token).claims['cnf'] as Record<string, unknown>
  assert.equal(cnf['x5t#S256'], stage.orders['x5t#S256'])
  assert.match(String(cnf['jkt']), /^[\w-]{43}$/)
  const second = await openid.refreshTokenGrant(config, String(first.refresh_token), undefined, { DPoP })
  assert.equal(second.token_type, 'dpop')
  await assert.rejects(openid.refreshTokenGrant(config, String(second.refresh_token)), { error: 'invalid_grant' })
})
