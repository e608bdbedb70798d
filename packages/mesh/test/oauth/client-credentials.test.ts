import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeToken } from '@countersign/token'
import { certificateClient, createStage, ISSUER, lastCode, run } from './stage.js'

const ORDERS = 'spiffe://prod.example/orders'
const BILLING = 'spiffe://prod.example/billing'
const GRANT = { grant_type: 'client_credentials', client_id: ORDERS }

test('a client that its certificate proves gets a token bound to that certificate', async (t) => {
  const stage = await createStage(t)
  const { post } = await run(t, stage, { clients: [certificateClient(ORDERS, { scopes: ['read', 'write'], defaultScopes: ['read'] })] })
  const answer = await post('/token', GRANT, stage.orders)
  assert.equal(answer.status, 200, answer.text)
  assert.equal(answer.headers['cache-control'], 'no-store')
  assert.equal(answer.json['token_type'], 'Bearer')
  assert.equal(answer.json['scope'], 'read')
  const { header, claims } = decodeToken(String(answer.json['access_token']))
  assert.equal(header['typ'], 'at+jwt')
  assert.equal(claims['iss'], ISSUER)
  assert.equal(claims['sub'], ORDERS)
  assert.equal(claims['client_id'], ORDERS)
  assert.equal(claims['aud'], BILLING)
  assert.deepEqual({ ...(claims['cnf'] as object) }, { 'x5t#S256': stage.orders['x5t#S256'] })
  assert.equal(answer.json['expires_in'], 3600)
  assert.equal(lastCode(stage), undefined)
})
