import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Challenge, type Code, type Denial, type Inbound, refuse, type TokenVerifier } from '@countersign/core'
import { createGuard, type GuardOptions } from '@countersign/guard'
import { inbound, token, tokenVerifier } from './fixture.js'

const BEARER: Challenge = { scheme: 'Bearer', parameters: 'realm="x"', errors: ['invalid_request', 'invalid_token', 'insufficient_scope'] }
const DPOP: Challenge = { scheme: 'DPoP', parameters: 'algs="ES256"', errors: ['invalid_request', 'invalid_token', 'invalid_dpop_proof'] }
const WPT: Challenge = { scheme: 'WPT', parameters: '', errors: [] }

function guardWith(tokens: Partial<TokenVerifier>, more: Partial<GuardOptions> = {}) {
  const jwt: TokenVerifier = { ...tokenVerifier({ recall: null }), ...tokens }
  return createGuard({ mtls: null, jwt, authorize: 'any-authenticated', limit: null, audit: null, ...more } as GuardOptions)
}

function withAuthorization(field: string | null): Inbound {
  return inbound({ header: (name) => (name === 'authorization' ? field : null) })
}

async function denialOf(code: Code, challenges: readonly Challenge[], field: string | null): Promise<Denial> {
  const decision = await guardWith({ recall: () => refuse(code), challenges }).decide(withAuthorization(field))
  return decision.allowed ? assert.fail('it was let through') : decision
}

test('names every scheme, and says what is wrong under the one that was used', async () => {
  const all = [BEARER, DPOP, WPT]
  for (const [code, field, challenge] of [
    ['ERR_TOKEN_MISSING', null, 'Bearer realm="x", DPoP algs="ES256", WPT'],
    ['ERR_TOKEN_SCHEME', 'Basic x', 'Bearer realm="x", DPoP algs="ES256", WPT'],
    ['ERR_TOKEN_EXPIRED', 'Bearer x', 'Bearer realm="x", error="invalid_token", DPoP algs="ES256", WPT'],
    ['ERR_TOKEN_EXPIRED', 'dpop x', 'Bearer realm="x", DPoP algs="ES256", error="invalid_token", WPT'],
    ['ERR_TOKEN_EXPIRED', 'WPT x', 'Bearer realm="x", DPoP algs="ES256", WPT'],
    ['ERR_PROOF_SIGNATURE', 'DPoP x', 'Bearer realm="x", DPoP algs="ES256", error="invalid_dpop_proof", WPT'],
    ['ERR_PROOF_MISSING', null, 'Bearer realm="x", DPoP algs="ES256", error="invalid_dpop_proof", WPT'],
    ['ERR_TOKEN_REPEATED', null, 'Bearer realm="x", error="invalid_request", DPoP algs="ES256", error="invalid_request", WPT'],
    ['ERR_TOKEN_EXPIRED', 'Bearerx', 'Bearer realm="x", error="invalid_token", DPoP algs="ES256", error="invalid_token", WPT'],
  ] as const)
    assert.equal((await denialOf(code, all, field)).headers['WWW-Authenticate'], challenge, `${code} ${field}`)
  assert.equal((await denialOf('ERR_TOKEN_TOO_LARGE', all, 'Bearer x')).headers['WWW-Authenticate'], undefined)
})

test('puts no word of a caller into a challenge', async () => {
  const denial = await denialOf('ERR_TOKEN_SCHEME', [BEARER, DPOP], 'SECRET-rubbish realm="evil"')
  assert.ok(!JSON.stringify(denial).includes('SECRET'))
})

test('has every denial of a scheme ready: the same refusal is the same object', async () => {
  const guard = guardWith({ recall: () => refuse('ERR_TOKEN_EXPIRED'), challenges: [BEARER, DPOP] })
  assert.equal(await guard.decide(withAuthorization('DPoP a')), await guard.decide(withAuthorization('DPoP b')))
  assert.notEqual(await guard.decide(withAuthorization('DPoP a')), await guard.decide(withAuthorization('Bearer a')))
})

test('says nothing of DPoP for a verifier that does not name it', async () => {
  const decision = await guardWith({}).decide(withAuthorization(null))
  assert.ok(!decision.allowed)
  assert.equal(decision.headers['WWW-Authenticate'], 'Bearer realm="countersign"')
})

test('hands the fields of a token verifier on with every answer', async () => {
  const fields = { 'DPoP-Nonce': 'n', 'Cache-Control': 'no-store' }
  const found = { token: token({ boundToKey: 'key' }), nonce: refuse('ERR_PROOF_NONCE') }
  for (const recalled of [found.token, found.nonce, refuse('ERR_PROOF_SIGNATURE')]) {
    const decision = await guardWith({ recall: () => recalled, fieldsFor: () => fields, challenges: [DPOP] }).decide(
      withAuthorization('DPoP x'),
    )
    assert.equal(decision.headers['DPoP-Nonce'], 'n')
    assert.equal(decision.headers['Cache-Control'], 'no-store')
  }
  const without = await guardWith({ recall: () => found.token, fieldsFor: () => null }).decide(withAuthorization('DPoP x'))
  assert.equal(without.allowed, true)
  assert.deepEqual(without.headers, {})
})

test('charges nobody for being asked for a nonce, and everybody for a bad proof', async () => {
  const limit = { perCaller: null, perAddress: { quota: 1, windowSeconds: 60 } }
  const codesOf = async (code: Code): Promise<string[]> => {
    const guard = guardWith({ recall: () => refuse(code), challenges: [DPOP] }, { limit })
    const codes: string[] = []
    for (let count = 0; count < 3; count++) {
      const decision = await guard.decide(withAuthorization('DPoP x'))
      codes.push(decision.allowed ? 'granted' : decision.code)
    }
    return codes
  }
  assert.deepEqual(await codesOf('ERR_PROOF_NONCE'), ['ERR_PROOF_NONCE', 'ERR_PROOF_NONCE', 'ERR_PROOF_NONCE'])
  assert.deepEqual(await codesOf('ERR_PROOF_SIGNATURE'), ['ERR_PROOF_SIGNATURE', 'ERR_ATTEMPTS_EXCEEDED', 'ERR_ATTEMPTS_EXCEEDED'])
})

test('knows a token that is bound to a proven key as bound', async () => {
  const decision = await guardWith({ recall: () => token({ boundToKey: 'key' }) }).decide(withAuthorization('DPoP x'))
  assert.ok(decision.allowed)
  assert.equal(decision.principal.assurance.tokenBound, true)
})

test('takes tokens that are bound to a key for enough where no certificate is looked at', () => {
  const jwt = { issuer: 'https://issuer.example', audience: 'billing', keys: { jwksUri: 'https://issuer.example/jwks' } }
  const dpop = { origins: 'https://billing.example' }
  const make = (more: object): unknown => createGuard({ mtls: null, jwt: { ...jwt, ...more }, authorize: 'any-authenticated', audit: null })
  for (const binding of ['dpop', 'sender-constrained', 'if-bound']) make({ dpop, binding })
  for (const [more, code, option] of [
    [{}, 'ERR_OPTION_CONTRADICTION', 'jwt.binding'],
    [{ dpop: null }, 'ERR_OPTION_CONTRADICTION', 'jwt.binding'],
    [{ dpop, binding: 'mtls' }, 'ERR_OPTION_CONTRADICTION', 'jwt.binding'],
    [{ dpop }, 'ERR_OPTION_MISSING', 'jwt.binding'],
    [{ binding: 'dpop' }, 'ERR_OPTION_CONTRADICTION', 'jwt.binding'],
  ] as const)
    assert.throws(() => make(more), { code, option }, JSON.stringify(more))
})
