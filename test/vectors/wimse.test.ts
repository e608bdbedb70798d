import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Inbound, isRefusal } from '@countersign/core'
import { fakeInbound } from '@countersign/testing'
import { createTokenVerifier, type JwtOptions } from '@countersign/token'
import { readSharedVectors } from './shared-vectors.js'

interface Vectors {
  readonly wit: string
  readonly wpt: string
  readonly accessToken: string
  readonly audience: string
  readonly witIssuerKeys: readonly Record<string, string>[]
}

/** Between the `iat` of the token and the `exp` of the proof, and near the latter. */
const AT_MS = 1_745_509_900_000
const INSTRUMENT = { add: () => {}, record: () => {} }

function requestOf(fields: Readonly<Record<string, string>>): Inbound {
  return fakeInbound({ method: 'POST', target: '/path', authority: 'workload.example.com', fields })
}

async function statusOf(vectors: Vectors, fields: Readonly<Record<string, string>>, changes: Partial<JwtOptions> = {}): Promise<string> {
  const verifier = createTokenVerifier(
    {
      issuer: 'wimse://example.com',
      audience: null,
      type: 'wit+jwt',
      keys: { jwks: vectors.witIssuerKeys },
      proof: { origins: 'https://workload.example.com' },
      ...changes,
    },
    {
      clock: { nowMs: () => AT_MS },
      fetch: () => Promise.reject(new Error('no network')),
      recorder: { wants: () => false, record: () => true, close: async () => {} },
      meter: { createCounter: () => INSTRUMENT, createHistogram: () => INSTRUMENT, createGauge: () => INSTRUMENT },
    },
  )
  const found = await verifier.verify(requestOf(fields))
  return found === null ? 'none' : isRefusal(found) ? found.code : found.subject
}

test('accepts the Workload Identity Token and the proof of the draft, carried as its revision -02 has it', async (t) => {
  const vectors = readSharedVectors<Vectors>(t, 'wimse/wimse.json')
  if (vectors === null) return
  const { wit, wpt, accessToken } = vectors
  const fields = { 'workload-identity-token': wit, authorization: `WPT ${wpt}` }
  assert.equal(await statusOf(vectors, fields), 'wimse://example.com/specific-workload')
  assert.equal(await statusOf(vectors, fields, { proof: { origins: 'https://workload.example.org' } }), 'ERR_PROOF_TARGET')
  assert.equal(await statusOf(vectors, fields, { issuer: 'wimse://example.org' }), 'ERR_TOKEN_ISSUER')
  const [workloadKey = {}] = vectors.witIssuerKeys
  assert.equal(await statusOf(vectors, fields, { keys: { jwks: [workloadKey] } }), 'ERR_TOKEN_KEY_UNKNOWN')
  // Carried as in -01: a bearer token beside it, and the proof in a field of its own.
  const before = { 'workload-identity-token': wit, authorization: `Bearer ${accessToken}`, 'workload-proof-token': wpt }
  assert.equal(await statusOf(vectors, before), 'ERR_PROOF_MISSING')
})
