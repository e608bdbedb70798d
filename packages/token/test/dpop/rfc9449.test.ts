import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Inbound, isRefusal } from '@countersign/core'
import { checkDpopOptions } from '../../dist/dpop/options.js'
import { createDpopProver } from '../../dist/dpop/prover.js'
import type { Entry } from '../../dist/entry.js'
import { request } from '../requests.js'

// RFC 9449 §4.2, §5, §6.1 and §7.1: one key, its proofs, and an access token that is bound to it.
const JKT = '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I'
const TOKEN = 'Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU'
const HEADER =
  'eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19'
const FOR_RESOURCE =
  'eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA'
const FOR_TOKEN_ENDPOINT =
  'eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg'
const AT = 1_562_262_620

async function statusOf(inbound: Inbound, { origins = 'https://resource.example.org', token = TOKEN, jkt = JKT } = {}): Promise<string> {
  const rules = checkDpopOptions('dpop', { origins }) ?? assert.fail('no rules')
  const proof = createDpopProver(rules, { nowMs: () => AT * 1000 }).read(inbound)
  if (typeof proof !== 'function') return proof.code
  const refusal = await proof({ field: `DPoP ${token}`, token: { boundToKey: jkt } } as Entry)
  return isRefusal(refusal) ? refusal.code : 'ok'
}

const resource = request(
  { authorization: `DPoP ${TOKEN}`, dpop: `${HEADER}.${FOR_RESOURCE}` },
  { method: 'GET', target: '/protectedresource', authority: 'resource.example.org' },
)

test('accepts the request of RFC 9449 §7.1, with the key of §6.1', async () => {
  assert.equal(await statusOf(resource), 'ok')
})

test('refuses it for another token, another key or at another resource', async () => {
  assert.equal(await statusOf(resource, { token: `${TOKEN}x` }), 'ERR_PROOF_TOKEN')
  assert.equal(await statusOf(resource, { jkt: `1${JKT.slice(1)}` }), 'ERR_PROOF_BINDING')
  assert.equal(await statusOf(resource, { origins: 'https://resource.example.com' }), 'ERR_PROOF_TARGET')
})

test('refuses the proof of RFC 9449 §4.2 at a resource: it is for no access token', async () => {
  const inbound = request({ dpop: `${HEADER}.${FOR_TOKEN_ENDPOINT}` }, { method: 'POST', target: '/token' })
  assert.equal(await statusOf(inbound, { origins: 'https://server.example.com' }), 'ERR_PROOF_CLAIM')
})
