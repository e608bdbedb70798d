import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTokenVerifier } from '@countersign/token'
import { dpopProof, dpopRequest, ORIGIN, publicJwk, request, thumbprintOf } from '../requests.js'
import { createSigner } from '../signer.js'
import { AUDIENCE, bearer, claims, createSurroundings, NOW, optionsFor, settledStatus } from '../surroundings.js'
import { TRUST_DOMAIN, wimseRequest, wptOf } from '../wimse/bench.js'

const OPAQUE = 'a-token-that-only-its-issuer-understands'

test('takes proven tokens beside an issuer that is asked, and lets no opaque token stand in for a missing proof', async () => {
  const [issuer, key, workload] = [createSigner('ES256'), createSigner('ES256', 'caller'), createSigner('ES256', 'workload')]
  const asked = 'https://asked.example'
  const answer = { active: true, iss: asked, sub: 'bob', aud: AUDIENCE, exp: NOW + 300 }
  const surroundings = createSurroundings(async () => Response.json(answer))
  const verifier = createTokenVerifier(
    [
      optionsFor([issuer], { binding: 'dpop', dpop: { origins: ORIGIN, nonce: {} } }),
      { issuer: TRUST_DOMAIN, audience: null, type: 'wit+jwt', keys: { jwks: [workload.jwk] }, proof: { origins: ORIGIN } },
      {
        issuer: asked,
        audience: AUDIENCE,
        binding: 'if-bound',
        introspection: {
          endpoint: `${asked}/introspect`,
          clientAuthentication: { method: 'client_secret_basic', clientId: 'billing', clientSecret: 'secret' },
        },
      },
    ],
    surroundings,
  )
  assert.deepEqual(
    verifier.challenges?.map(({ scheme }) => scheme),
    ['Bearer', 'DPoP', 'WPT'],
  )
  assert.equal(await settledStatus(verifier, bearer(OPAQUE)), 'ok')

  const token = issuer.sign(claims({ cnf: { jkt: thumbprintOf(key) } }))
  const first = dpopRequest(token, dpopProof(key, token))
  assert.equal(await settledStatus(verifier, first), 'ERR_PROOF_NONCE')
  const nonce = verifier.fieldsFor?.(first)?.['DPoP-Nonce']
  assert.equal(await settledStatus(verifier, dpopRequest(token, dpopProof(key, token, { nonce }))), 'ok')

  const cnf = { jwk: { ...publicJwk(key), alg: 'ES256' } }
  const wit = workload.sign({ sub: `${TRUST_DOMAIN}/orders`, exp: NOW + 300, cnf }, { typ: 'wit+jwt' })
  assert.equal(await settledStatus(verifier, wimseRequest(wit, wptOf(key, wit))), 'ok')
  const unproven = request({ 'workload-identity-token': wit, authorization: `Bearer ${OPAQUE}` })
  assert.equal(await settledStatus(verifier, unproven), 'ERR_PROOF_MISSING')
})
