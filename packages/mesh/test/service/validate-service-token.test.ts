import assert from 'node:assert/strict'
import { createHmac, createSign, generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { createKeyRing, type KeyRing } from '@countersign/issuer'
import { createMemoryStateStore } from '@countersign/state'
import { createTestClock, fakeInbound } from '@countersign/testing'
import { createTokenVerifier } from '@countersign/token'
import { BILLING, coreOf, ISSUER, LEDGER, ORDERS, PARTNER, peerOf, stage, thumbprintOf, tokenOf } from '../fixture.js'

const CLAIMS = {
  iss: ISSUER,
  sub: ORDERS,
  aud: BILLING,
  client_id: ORDERS,
  cnf: { 'x5t#S256': thumbprintOf(ORDERS) },
  jti: 'jti-1',
}

/** A mesh whose own key signs whatever a test wants. */
async function forging() {
  const clock = createTestClock()
  const keys = createKeyRing({ clock, algorithm: 'ES256' })
  const staged = await stage({ clock, keys })
  const iat = clock.nowMs() / 1000
  return {
    ...staged,
    keys,
    sign: (changes: Record<string, unknown> = {}, typ = 'at+jwt') => {
      const claims: Record<string, unknown> = { ...CLAIMS, iat, nbf: iat, exp: iat + 3600, ...changes }
      for (const [name, value] of Object.entries(claims)) if (value === undefined) delete claims[name]
      return keys.sign(typ, claims)
    },
  }
}

test('a token of a service is accepted from that service, by its target', async () => {
  const { mesh, meter } = await stage()
  const { token, tokenId } = await tokenOf(mesh, ORDERS, BILLING)
  const report = await mesh.validateServiceToken(token, { audience: BILLING, peer: peerOf(ORDERS), caller: ORDERS })
  assert.ok(report.status === 'AUTHENTICATED')
  assert.equal(report.token.id, tokenId)
  assert.equal(report.token.subject, ORDERS)
  assert.equal(meter.total('service_token_validations_total', { status: 'AUTHENTICATED' }), 1)
  await mesh.close()
})

const damaged = (token: string): string => `${token.slice(0, -40)}${token.slice(-40, -20).split('').reverse().join('')}${token.slice(-20)}`

/** Each with whatever is wrong in the rows below it, too: the first that is wrong counts. */
const TABLE = [
  { name: 'what is no token', text: () => 'nonsense', status: 'INVALID', code: 'ERR_TOKEN_MALFORMED' },
  { name: 'another type', typ: 'session-propagation+jwt', status: 'INVALID', code: 'ERR_TOKEN_TYPE' },
  { name: 'no end', claims: { exp: undefined }, status: 'INVALID', code: 'ERR_TOKEN_CLAIM_MISSING' },
  { name: 'another audience', claims: { aud: LEDGER }, status: 'UNAUTHORIZED', code: 'ERR_TOKEN_AUDIENCE' },
  { name: 'an end that has passed', claims: { exp: 1 }, status: 'EXPIRED', code: 'ERR_TOKEN_EXPIRED' },
  { name: 'a wrong signature', text: damaged, status: 'INVALID', code: 'ERR_TOKEN_SIGNATURE' },
  { name: 'a jti that was revoked', revoked: true, status: 'REVOKED', code: 'ERR_TOKEN_REVOKED' },
  { name: 'another certificate', claims: { cnf: { 'x5t#S256': thumbprintOf('x') } }, status: 'UNAUTHORIZED', code: 'ERR_TOKEN_BINDING' },
  { name: 'another caller', caller: PARTNER, status: 'UNAUTHORIZED', code: 'ERR_TOKEN_SUBJECT' },
] as const

for (const [from, row] of TABLE.entries()) {
  test(`of all that may be wrong, ${row.name} counts before what is asked later`, async () => {
    const { mesh, sign } = await forging()
    // Of those that exclude each other, the earlier one.
    const rows: readonly (typeof TABLE)[number][] = TABLE.slice(from)
    const claims = Object.assign({}, ...rows.toReversed().map((one) => ('claims' in one ? one.claims : {})))
    if (row.code === 'ERR_TOKEN_SIGNATURE') delete claims.exp
    const typ = rows.find((one) => 'typ' in one)
    let token = await sign(claims, typ !== undefined && 'typ' in typ ? typ.typ : 'at+jwt')
    const text = rows.find((one) => 'text' in one)
    if (text !== undefined && 'text' in text) token = text.text(token)
    if (rows.some((one) => 'revoked' in one)) await mesh.revoke({ token: 'jti-1' }, { reason: 'unspecified' })
    const caller = rows.find((one) => 'caller' in one)
    const report = await mesh.validateServiceToken(token, {
      audience: BILLING,
      peer: peerOf(ORDERS),
      ...(caller !== undefined && 'caller' in caller ? { caller: caller.caller } : {}),
    })
    assert.ok(report.status !== 'AUTHENTICATED')
    assert.deepEqual({ status: report.status, code: report.refusal.code }, { status: row.status, code: row.code })
    await mesh.close()
  })
}

test('nobody is asked what was revoked for a token whose signature is wrong', async () => {
  const asked: string[] = []
  const clock = createTestClock()
  const { mesh } = await stage({ clock })
  const { token } = await tokenOf(mesh, ORDERS, BILLING)
  const { revocations } = mesh
  const has = revocations.has.bind(revocations)
  // The list itself, counted.
  const counting = {
    ...revocations,
    has: (...question: Parameters<typeof has>) => {
      asked.push(question[0])
      return has(...question)
    },
  }
  const verifier = createTokenVerifier({ ...mesh.jwt({ audience: BILLING }), revocation: { list: counting } }, coreOf(mesh).surroundings)
  const request = (authorization: string) => fakeInbound({ fields: { authorization } })
  const refused = await verifier.verify(request(`Bearer ${damaged(token)}`))
  assert.ok(refused !== null && 'refused' in refused)
  assert.deepEqual(asked, [])
  await verifier.verify(request(`Bearer ${token}`))
  assert.ok(asked.length > 0)
  await mesh.close()
})

test('refuses a token that was made with the public key as a secret', async () => {
  const { mesh } = await stage()
  const { token } = await tokenOf(mesh, ORDERS, BILLING)
  const [jwk] = coreOf(mesh).keys.jwks().keys
  const header = Buffer.from(JSON.stringify({ alg: 'HS256', typ: 'at+jwt', kid: jwk?.kid })).toString('base64url')
  const input = `${header}.${token.split('.')[1]}`
  const forged = `${input}.${createHmac('sha256', JSON.stringify(jwk)).update(input).digest('base64url')}`
  const report = await mesh.validateServiceToken(forged, { audience: BILLING, peer: peerOf(ORDERS) })
  assert.ok(report.status !== 'AUTHENTICATED')
  assert.equal(report.refusal.code, 'ERR_TOKEN_ALGORITHM')
  await mesh.close()
})

test('refuses a token that a stranger has signed under a kid of ours', async () => {
  const { mesh } = await stage({ keys: {} })
  const { token } = await tokenOf(mesh, ORDERS, BILLING)
  const input = token.slice(0, token.lastIndexOf('.'))
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const forged = `${input}.${createSign('sha256').update(input).sign(privateKey).toString('base64url')}`
  const report = await mesh.validateServiceToken(forged, { audience: BILLING, peer: peerOf(ORDERS) })
  assert.equal(report.status, 'INVALID')
  await mesh.close()
})

test('of two live tokens of one service, the one that is revoked is refused and the other works', async () => {
  const { mesh } = await stage()
  const one = await tokenOf(mesh, ORDERS, BILLING)
  const other = await tokenOf(mesh, ORDERS, BILLING)
  const request = { audience: BILLING, peer: peerOf(ORDERS) }
  assert.equal((await mesh.validateServiceToken(one.token, request)).status, 'AUTHENTICATED')
  await mesh.revoke({ token: one.tokenId }, { reason: 'credential-leak' })
  assert.equal((await mesh.validateServiceToken(one.token, request)).status, 'REVOKED')
  assert.equal((await mesh.validateServiceToken(other.token, request)).status, 'AUTHENTICATED')
  await mesh.close()
})

test('a token of a key from before a rotation is accepted, and refused once the key is revoked', async () => {
  const clock = createTestClock()
  const keys: KeyRing = createKeyRing({ clock, algorithm: 'ES256' })
  const { mesh } = await stage({ clock, keys })
  const { token } = await tokenOf(mesh, ORDERS, BILLING)
  const kid = keys.kid
  await keys.rotate()
  const request = { audience: BILLING, peer: peerOf(ORDERS) }
  assert.equal((await mesh.validateServiceToken(token, request)).status, 'AUTHENTICATED')
  await mesh.revoke({ key: kid }, { reason: 'key-compromise' })
  assert.equal((await mesh.validateServiceToken(token, request)).status, 'REVOKED')
  await mesh.close()
  await keys.close()
})

test('a service that is in no directory any more is refused, whatever token it has', async () => {
  const entries = new Map<string, { readonly mayCall: readonly string[] }>([
    [ORDERS, { mayCall: [BILLING] }],
    [BILLING, { mayCall: [] }],
  ])
  const { mesh } = await stage({ services: { get: (id) => entries.get(id), ids: () => [...entries.keys()] } })
  const { token } = await tokenOf(mesh, ORDERS, BILLING)
  entries.delete(ORDERS)
  const report = await mesh.validateServiceToken(token, { audience: BILLING, peer: peerOf(ORDERS) })
  assert.ok(report.status !== 'AUTHENTICATED')
  assert.equal(report.refusal.code, 'ERR_TOKEN_SUBJECT')
  await mesh.close()
})

for (const [skew, seconds, code] of [
  [30, 29, null],
  [30, 31, 'ERR_TOKEN_EXPIRED'],
  [0, 1, 'ERR_TOKEN_EXPIRED'],
  [60, 59, null],
] as const) {
  test(`with a skew of ${skew} s, a token that ended ${seconds} s ago is ${code === null ? 'accepted' : 'refused'}`, async () => {
    const clock = createTestClock()
    const keys = createKeyRing({ clock, algorithm: 'ES256', clockSkewSeconds: 60 })
    const { mesh } = await stage({ clock, keys, clockSkewSeconds: skew })
    const now = clock.nowMs() / 1000
    const token = await keys.sign('at+jwt', { ...CLAIMS, iat: now - 600, nbf: now - 600, exp: now - seconds })
    const report = await mesh.validateServiceToken(token, { audience: BILLING, peer: peerOf(ORDERS) })
    assert.equal(report.status === 'AUTHENTICATED' ? null : report.refusal.code, code)
    await mesh.close()
    await keys.close()
  })
}

for (const [claim, seconds, code] of [
  ['iat', 29, null],
  ['iat', 31, 'ERR_TOKEN_ISSUED_IN_FUTURE'],
  ['nbf', 29, null],
  ['nbf', 31, 'ERR_TOKEN_NOT_YET_VALID'],
] as const) {
  test(`${claim} may lie ${seconds} s ahead: ${code === null ? 'yes' : 'no'}`, async () => {
    const { mesh, sign, clock, keys } = await forging()
    const token = await sign({ [claim]: clock.nowMs() / 1000 + seconds })
    const report = await mesh.validateServiceToken(token, { audience: BILLING, peer: peerOf(ORDERS) })
    assert.equal(report.status === 'AUTHENTICATED' ? null : report.refusal.code, code)
    await mesh.close()
    await keys.close()
  })
}

test('a clock that is ahead is told of once a minute, and measured each time', async () => {
  const { mesh, sign, clock, recorder, meter, keys } = await forging()
  const request = { audience: BILLING, peer: peerOf(ORDERS) }
  const ahead = async (seconds: number, jti: string) =>
    mesh.validateServiceToken(await sign({ iat: clock.nowMs() / 1000 + seconds, jti }), request)
  await ahead(3, 'a')
  assert.deepEqual(meter.values('clock_skew_seconds', { of: 'token' }), [3])
  assert.equal(recorder.of('clock.drifted').length, 0)
  await ahead(20, 'b')
  await ahead(40, 'c')
  assert.deepEqual(meter.values('clock_skew_seconds', { of: 'token' }), [3, 20, 40])
  assert.deepEqual(
    recorder.of('clock.drifted').map(({ facts }) => facts),
    [{ aheadSeconds: 20, limitSeconds: 5 }],
  )
  await mesh.close()
  await keys.close()
})

test('what is not known of revocations refuses at once, or after as long as the options say', async () => {
  for (const [whenStateUnavailable, afterMs, code] of [
    [undefined, 0, 'ERR_TOKEN_REVOCATION_UNKNOWN'],
    [{ staleSeconds: 20 }, 19_000, null],
    [{ staleSeconds: 20 }, 21_000, 'ERR_TOKEN_REVOCATION_UNKNOWN'],
  ] as const) {
    const clock = createTestClock()
    const store = createMemoryStateStore({ clock })
    let isDown = false
    const { mesh } = await stage({
      clock,
      store: {
        ...store,
        revocations: {
          ...store.revocations,
          pull: (after, limit) => (isDown ? Promise.reject(new Error('down')) : store.revocations.pull(after, limit)),
        },
      },
      ...(whenStateUnavailable === undefined ? {} : { whenStateUnavailable }),
    })
    const { token, tokenId } = await tokenOf(mesh, ORDERS, BILLING)
    const other = await tokenOf(mesh, ORDERS, BILLING)
    await mesh.revoke({ token: other.tokenId }, { reason: 'unspecified' })
    isDown = true
    clock.setMs(clock.nowMs() + Math.max(afterMs, 1500))
    const request = { audience: BILLING, peer: peerOf(ORDERS) }
    const report = await mesh.validateServiceToken(token, request)
    assert.equal(report.status === 'AUTHENTICATED' ? null : report.refusal.code, code, tokenId)
    // What is known to be revoked is never served.
    assert.notEqual((await mesh.validateServiceToken(other.token, request)).status, 'AUTHENTICATED')
    await mesh.close()
  }
})
