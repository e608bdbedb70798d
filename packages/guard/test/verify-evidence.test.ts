import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Code, Decision, Limiter, TokenVerifier } from '@countersign/core'
import { refuse } from '@countersign/core'
import { createGuard, type GuardOptions } from '@countersign/guard'
import { createTestRecorder } from '@countersign/testing'
import { apiKey, inbound, keyVerifier, peer, peerVerifier, token, tokenVerifier } from './fixture.js'

function guardOf(options: Partial<GuardOptions> = {}) {
  const recorder = createTestRecorder()
  const guard = createGuard({ mtls: null, jwt: null, authorize: 'any-authenticated', limit: null, audit: recorder, ...options })
  return { guard, recorder }
}

const codeOf = (decision: Decision) => (decision.allowed ? 'allowed' : decision.code)

/** Time that passes while something is waited for; what ends with it. */
function wait() {
  let over = false
  return {
    for: <T>(answer: T) => {
      over = true
      return Promise.resolve(answer)
    },
    endsWith: (code: Code) => () => (over ? code : null),
  }
}

test('asks nothing again where nothing was waited for', () => {
  let judged = 0
  const judge = () => {
    judged++
    return null
  }
  const { guard } = guardOf({
    mtls: peerVerifier({ recall: peer(), judge }),
    jwt: tokenVerifier({ recall: token(), judge }),
    apiKeys: keyVerifier({ recall: apiKey(), judge }),
    limit: limiter(() => ({ refusal: null, headers: {} })),
  })
  const decision = guard.decide(inbound())
  assert.ok(!(decision instanceof Promise))
  assert.equal(codeOf(decision), 'allowed')
  assert.equal(judged, 0)
})

test('refuses a certificate that was revoked while its token was verified', async () => {
  const waited = wait()
  const { guard } = guardOf({
    mtls: peerVerifier({ recall: peer(), judge: waited.endsWith('ERR_PEER_REVOKED') }),
    jwt: tokenVerifier({ verify: () => waited.for(token()) }),
  })
  assert.equal(codeOf(await guard.decide(inbound())), 'ERR_PEER_REVOKED')
})

test('looks at a token only once its certificate is proven, however long that takes', async () => {
  let proven = false
  let seen = 0
  const jwt: TokenVerifier = {
    ...tokenVerifier({}),
    recall() {
      seen++
      return proven ? refuse('ERR_TOKEN_REVOKED') : token()
    },
  }
  const mtls = peerVerifier({
    verify: async () => {
      proven = true
      return peer()
    },
  })
  assert.equal(codeOf(await guardOf({ mtls, jwt }).guard.decide(inbound())), 'ERR_TOKEN_REVOKED')
  assert.equal(seen, 1)
})

test('refuses a certificate or a token that ended while the key beside it was looked up', async () => {
  const sound = { mtls: { recall: peer() }, jwt: { recall: token() } }
  for (const [slot, code] of [
    ['mtls', 'ERR_PEER_EXPIRED'],
    ['jwt', 'ERR_TOKEN_EXPIRED'],
  ] as const) {
    const waited = wait()
    const judge = waited.endsWith(code)
    const { guard, recorder } = guardOf({
      mtls: peerVerifier({ ...sound.mtls, ...(slot === 'mtls' ? { judge } : {}) }),
      jwt: tokenVerifier({ ...sound.jwt, ...(slot === 'jwt' ? { judge } : {}) }),
      apiKeys: keyVerifier({ verify: () => waited.for(apiKey()) }),
    })
    assert.equal(codeOf(await guard.decide(inbound())), code)
    assert.deepEqual(recorder.codes(), [code])
  }
})

for (const [what, code, slot] of [
  ['certificate', 'ERR_PEER_REVOKED', 'mtls'],
  ['token', 'ERR_TOKEN_EXPIRED', 'jwt'],
  ['key', 'ERR_API_KEY_REVOKED', 'apiKeys'],
] as const)
  test(`refuses a ${what} that ended while its quota was asked for elsewhere`, async () => {
    const waited = wait()
    const judgeIn = (own: string) => (own === slot ? { judge: waited.endsWith(code) } : {})
    const { guard } = guardOf({
      mtls: peerVerifier({ recall: peer(), ...judgeIn('mtls') }),
      jwt: tokenVerifier({ recall: token(), ...judgeIn('jwt') }),
      apiKeys: keyVerifier({ recall: apiKey(), ...judgeIn('apiKeys') }),
      limit: limiter(() => waited.for({ refusal: null, headers: {} })),
    })
    assert.equal(codeOf(await guard.decide(inbound())), code)
  })

test('refuses a request whose guard was closed while its quota was asked for', async () => {
  const { guard, recorder } = guardOf({
    mtls: peerVerifier({ recall: peer() }),
    limit: limiter(async () => {
      await guard.close()
      return { refusal: null, headers: {} }
    }),
  })
  assert.equal(codeOf(await guard.decide(inbound())), 'ERR_UNAVAILABLE')
  assert.deepEqual(recorder.codes(), ['ERR_GUARD_CLOSED'])
})

function limiter(take: () => unknown): Limiter {
  return { take: take as Limiter['take'], toString: () => 'test quotas', close: async () => {} }
}
