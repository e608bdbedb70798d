import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createGuard } from '@countersign/guard'
import { createTokenSigner } from '@countersign/issuer'
import { createTestClock, fakeInbound } from '@countersign/testing'
import fc from 'fast-check'
import { memoryRecorder } from '../conformance/memory-recorder.js'
import { checkedDecision } from './checked-decision.js'

const RUNS = Number(process.env['COUNTERSIGN_RUNS'] ?? 3000)
const SEED = Number(process.env['COUNTERSIGN_SEED'] ?? 20_261_123)
const ISSUER = 'https://issuer.prod.example'
const AUDIENCE = 'billing'
const SKEW_SECONDS = 30

const clock = createTestClock()
const now = Math.floor(clock.nowMs() / 1000)
const signer = createTokenSigner({ issuer: ISSUER, clock })
const impostor = createTokenSigner({ issuer: ISSUER, clock, keyId: signer.jwks().keys[0]?.kid ?? '' })
const recorder = memoryRecorder()
const guard = createGuard({
  mtls: null,
  jwt: { issuer: ISSUER, audience: AUDIENCE, keys: { jwks: signer.jwks().keys }, algorithms: ['ES256'], binding: 'if-bound' },
  authorize: 'any-authenticated',
  limit: null,
  audit: recorder,
  runtime: { clock },
})
const claims = { iss: ISSUER, sub: 'alice', aud: AUDIENCE, iat: now, nbf: now, exp: now + 3600, jti: '1', client_id: 'alice' }
const good = signer.signExactly(claims)

async function isGranted(authorization: string): Promise<boolean> {
  const decision = await checkedDecision(
    guard,
    recorder,
    fakeInbound({ header: (name) => (name === 'authorization' ? authorization : null) }),
  )
  return decision.allowed
}

const parameters = { numRuns: RUNS, seed: SEED }

test('a good token is let through, so that all the others are refused for what is wrong with them', async () => {
  assert.equal(await isGranted(`Bearer ${good}`), true)
})

test('no text whatever is a token', async () => {
  const character = fc.oneof(
    fc.constantFrom(...'.,= \t-_+/"\\%{}[]:eyJhbGciOiJIUzI1NiJ9'),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
  )
  const scheme = fc.constantFrom('Bearer ', 'bearer ', 'BEARER  ', 'Bearer', '', 'Basic ', 'Bearer Bearer ')
  const text = fc.array(character, { maxLength: 60 }).map((characters) => characters.join(''))
  await fc.assert(
    fc.asyncProperty(scheme, text, async (word, rest) => {
      assert.equal(await isGranted(word + rest), false)
    }),
    parameters,
  )
})

test('no token that was changed in one place is let through', async () => {
  const change = fc.record({
    at: fc.nat({ max: good.length - 1 }),
    remove: fc.nat({ max: 3 }),
    put: fc.oneof(fc.constantFrom('', '=', '.', ' ', ',', '-', '_', '+', '/', 'A', 'a', '\0', '\u00e9', '\n'), fc.string({ maxLength: 2 })),
  })
  await fc.assert(
    fc.asyncProperty(change, async ({ at, remove, put }) => {
      const changed = good.slice(0, at) + put + good.slice(at + remove)
      // RFC 6750 §2.1: spaces in front belong to the scheme.
      fc.pre(changed.replace(/^ +/, '') !== good)
      assert.equal(await isGranted(`Bearer ${changed}`), false)
    }),
    parameters,
  )
})

test('no token whose segments were put together anew is let through', async () => {
  const others = signer.signExactly({ ...claims, aud: 'another' }).split('.')
  const odd = ['', 'e30', 'bnVsbA', Buffer.from('{"alg":"none"}').toString('base64url')]
  const segment = fc.constantFrom(...good.split('.'), ...others, ...odd)
  await fc.assert(
    fc.asyncProperty(fc.array(segment, { minLength: 1, maxLength: 5 }), async (segments) => {
      const token = segments.join('.')
      assert.equal(await isGranted(`Bearer ${token}`), token === good)
    }),
    parameters,
  )
})

test('no token of an impostor is let through, whatever its header says', async () => {
  const header = fc.dictionary(
    fc.constantFrom('alg', 'typ', 'kid', 'jwk', 'jku', 'x5u', 'x5c', 'x5t#S256', 'crit', 'b64', 'cty', 'zip', '__proto__', 'constructor'),
    fc.oneof(
      fc.constantFrom<unknown>(
        'ES256',
        'none',
        'HS256',
        'at+jwt',
        'JWT',
        signer.jwks().keys[0],
        impostor.jwks().keys[0],
        signer.jwks().keys[0]?.kid,
      ),
      fc.jsonValue({ maxDepth: 2 }),
    ),
    { maxKeys: 5 },
  )
  await fc.assert(
    fc.asyncProperty(header, async (changes) => {
      assert.equal(await isGranted(`Bearer ${impostor.signExactly(claims, changes as Record<string, unknown>)}`), false)
    }),
    parameters,
  )
})

test('a token of the issuer is let through if and only if its claims are those of a good one', async () => {
  let granted = 0
  const time = fc.oneof(
    fc.constantFrom<unknown>(
      now,
      now + 29,
      now + 30,
      now + 31,
      now - 29,
      now - 30,
      now - 31,
      now + 3600,
      0,
      -1,
      1e300,
      Number.MAX_SAFE_INTEGER,
      String(now + 60),
      null,
      true,
      [now],
      now + 0.5,
    ),
    fc.double(),
  )
  const text = fc.oneof(
    fc.constantFrom<unknown>('alice', '', ISSUER, AUDIENCE, 'spiffe://prod.example/a', `${ISSUER}/`, null, 0, true, {}),
    fc.jsonValue({ maxDepth: 1 }),
  )
  const audience = fc.oneof(fc.constantFrom<unknown>(AUDIENCE, [AUDIENCE], ['x', AUDIENCE], [], [AUDIENCE, 7], [[AUDIENCE]], 'x'), text)
  const changes = fc.record(
    {
      iss: fc.oneof({ weight: 3, arbitrary: fc.constant<unknown>(ISSUER) }, text),
      sub: text,
      aud: audience,
      iat: time,
      nbf: time,
      exp: time,
      jti: text,
      cnf: fc.oneof(fc.constantFrom<unknown>({}, { jkt: 'x' }, { 'x5t#S256': 'x' }, null, 'x', []), fc.jsonValue({ maxDepth: 1 })),
      scope: text,
      '__proto__.admin': text,
    },
    { requiredKeys: [] },
  )
  await fc.assert(
    fc.asyncProperty(
      fc.subarray(['iss', 'sub', 'aud', 'iat', 'nbf', 'exp', 'jti', 'cnf', 'scope'], { maxLength: 2 }),
      changes,
      async (changed, values) => {
        const all: Record<string, unknown> = { ...claims }
        for (const name of changed) {
          const value = (values as Record<string, unknown>)[name]
          if (value === undefined) delete all[name]
          else all[name] = value
        }
        // What JSON makes of it is what was signed.
        const signed = JSON.parse(JSON.stringify(all)) as Record<string, unknown>
        const allowed = await isGranted(`Bearer ${signer.signExactly(all)}`)
        if (allowed) granted++
        assert.equal(allowed, isGood(signed), JSON.stringify(signed))
      },
    ),
    parameters,
  )
  assert.ok(granted > RUNS / 20, `${granted} of ${RUNS} let through`)
})

test('a long token of few characters is refused as quickly as any', async () => {
  const unit = fc.constantFrom('.', 'A', '=', 'eyJ', ' ', '{', '[', '\\u', '-', '..')
  await fc.assert(
    fc.asyncProperty(unit, fc.integer({ min: 1000, max: 60_000 }), async (characters, length) => {
      assert.equal(await isGranted(`Bearer ${characters.repeat(length / characters.length)}`), false)
      const deep = Buffer.from('['.repeat(3000)).toString('base64url')
      assert.equal(await isGranted(`Bearer ${good.split('.')[0]}.${deep}.${good.split('.')[2]}`), false)
    }),
    { numRuns: 100, seed: SEED },
  )
})

/** The rules of RFC 7519 and RFC 9068 for this issuer, once more and by somebody else. */
function isGood({ iss, sub, aud, iat, nbf, exp, jti, cnf, scope }: Record<string, unknown>): boolean {
  const isTime = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value)
  const audiences = typeof aud === 'string' ? [aud] : aud
  return (
    iss === ISSUER &&
    typeof sub === 'string' &&
    sub !== '' &&
    !/^spiffe:/i.test(sub) &&
    Array.isArray(audiences) &&
    audiences.every((one) => typeof one === 'string') &&
    audiences.includes(AUDIENCE) &&
    isTime(exp) &&
    exp + SKEW_SECONDS > now &&
    (nbf === undefined || (isTime(nbf) && nbf - SKEW_SECONDS <= now)) &&
    (iat === undefined || (isTime(iat) && iat - SKEW_SECONDS <= now)) &&
    (jti === undefined || (typeof jti === 'string' && jti !== '')) &&
    (scope === undefined || typeof scope === 'string') &&
    cnf === undefined
  )
}
