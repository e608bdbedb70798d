import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clientsFromServices } from '@countersign/mesh'
import { createStage, run } from './stage.js'

const ORDERS = 'spiffe://prod.example/orders'
const BILLING = 'spiffe://prod.example/billing'
const SERVICES = {
  [ORDERS]: { mayCall: [BILLING], scopes: ['read'] },
  [BILLING]: { mayCall: [] },
  'partner.example': { mayCall: [ORDERS] },
}

test('each service is a client by its id, for those that it may call and for itself', () => {
  const clients = clientsFromServices(SERVICES)
  assert.deepEqual(
    clients.map(({ grants: _, ...client }) => client),
    [
      { clientId: ORDERS, authentication: { method: 'tls_client_auth', sanUri: ORDERS }, audiences: [BILLING, ORDERS], scopes: ['read'] },
      { clientId: BILLING, authentication: { method: 'tls_client_auth', sanUri: BILLING }, audiences: [BILLING] },
      {
        clientId: 'partner.example',
        authentication: { method: 'tls_client_auth', sanDns: 'partner.example' },
        audiences: [ORDERS, 'partner.example'],
      },
    ],
  )
})

test('services of a directory that is asked each time are clients of one', async (t) => {
  const entries = new Map<string, { readonly mayCall: readonly string[] }>([[BILLING, { mayCall: [] }]])
  const clients = clientsFromServices({ get: (id: string) => entries.get(id), ids: () => [...entries.keys()] })
  const stage = await createStage(t)
  const { post } = await run(t, stage, { clients })
  const form = { grant_type: 'client_credentials', client_id: ORDERS, audience: BILLING }
  assert.equal((await post('/token', form, stage.orders)).json['error'], 'invalid_client')
  entries.set(ORDERS, { mayCall: [BILLING] })
  const answer = await post('/token', form, stage.orders)
  assert.equal(answer.status, 200, answer.text)
})

test('refuses services that are none', () => {
  assert.throws(() => clientsFromServices({ 'Not a name': { mayCall: [] } }), { code: 'ERR_OPTION_INVALID' })
})
