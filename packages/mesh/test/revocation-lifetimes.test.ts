import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { isRefusal } from '@countersign/core'
import { createKeyRing } from '@countersign/issuer'
import { type AuthMeshOptions, createAuthMesh, type Revocable } from '@countersign/mesh'
import { decodeToken } from '@countersign/token'
import { peerOf, until } from './fixture.js'
import { type Answer, advance, certificateClient, createStage, run } from './oauth/stage.js'

const ORDERS = 'spiffe://prod.example/orders'
const BILLING = 'spiffe://prod.example/billing'
const LEDGER = 'spiffe://prod.example/ledger'
const HOUR_MS = 3_600_000
/** Whatever is signed with a key that was given up is signed with none that anybody knows. */
const REFUSED = /^ERR_(?:TOKEN_REVOKED|TOKEN_KEY_UNKNOWN|SESSION_ENDED|SESSION_INVALID)$/

/** Something that was made, and until when it lives by itself. */
interface Thing {
  readonly endMs: number
  /** The token that it is, or was made from. */
  readonly tokenId?: string
  /** `'good'`, or the code that it is refused with. */
  judge(): Promise<string>
}

const LIFETIMES: readonly (readonly [name: string, options: Pick<AuthMeshOptions, 'token' | 'propagation' | 'session'>])[] = [
  ['the usual lifetimes', {}],
  ['tokens of a day and short sessions', { token: { expiresInSeconds: 86_400 }, session: { expiresInSeconds: 60 } }],
  [
    'tokens of a minute and sessions of three days',
    {
      token: { expiresInSeconds: 60, maxExpiresInSeconds: 60 },
      propagation: { expiresInSeconds: 3600 },
      session: { expiresInSeconds: 259_200 },
    },
  ],
]

async function make(t: TestContext, options: (typeof LIFETIMES)[number][1]) {
  const stage = await createStage(t, { keys: { algorithm: 'ES256', rotateEverySeconds: null }, ...options })
  const { authMesh: mesh, orders, billing } = stage
  const grants = ['client_credentials', 'token_exchange'] as const
  const clients = [
    certificateClient(ORDERS, { refresh: { windowSeconds: 86_400 } }),
    certificateClient(BILLING, { grants, audiences: [LEDGER] }),
  ]
  const { post } = await run(t, stage, { clients })
  const [ordersPeer, billingPeer] = [orders, billing].map(({ id, ...one }) => peerOf(id, { thumbprint: one['x5t#S256'] }))
  assert.ok(ordersPeer !== undefined && billingPeer !== undefined)

  const ask = async (workload: typeof orders, form: object): Promise<Answer> => {
    const answer = await post('/token', { client_id: workload.id, ...form }, workload)
    assert.equal(answer.status, 200, answer.text)
    return answer
  }
  const textOf = ({ json }: Answer): string => String(json['access_token'])
  const idOf = (text: string): string => String(decodeToken(text).claims['jti'])
  function tokenThing(text: string, audience: string, peer: typeof ordersPeer, tokenId = idOf(text)): Thing {
    return {
      endMs: Number(decodeToken(text).claims['exp']) * 1000,
      tokenId,
      async judge() {
        const validation = await mesh.validateServiceToken(text, { audience, peer: peer ?? null })
        return validation.status === 'AUTHENTICATED' ? 'good' : validation.refusal.code
      },
    }
  }

  const issued = await mesh.authenticateService({ service: ORDERS, peer: ordersPeer, audience: BILLING })
  const own = await mesh.authenticateService({ service: BILLING, peer: billingPeer, audience: BILLING })
  assert.ok(issued.status === 'AUTHENTICATED' && own.status === 'AUTHENTICATED')
  const first = await ask(orders, { grant_type: 'client_credentials' })
  const refreshed = await ask(orders, { grant_type: 'refresh_token', refresh_token: String(first.json['refresh_token']) })
  const another = await ask(orders, { grant_type: 'client_credentials' })
  const exchanged = await ask(billing, {
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token: textOf(another),
    subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
  })

  const session = await mesh.sessions.create({ subject: 'alice', certificate: orders['x5t#S256'] })
  assert.ok(!session.refused)
  const hand = async () => {
    const handed = await mesh.propagateSession({ session: session.id, from: ORDERS, to: BILLING })
    assert.ok(!handed.refused)
    return handed
  }
  const [handed, taken] = [await hand(), await hand()]
  const caller = ordersPeer
  const accepted = await mesh.acceptPropagatedSession(taken.token, { service: BILLING, caller })
  assert.ok(!isRefusal(accepted))
  const verifier = mesh.sessionVerifier({ service: BILLING })
  const ofSession = { tokenId: taken.tokenId, endMs: session.expiresAtMs }
  const codeOf = (outcome: object): string => ('code' in outcome ? String(outcome.code) : 'good')

  const tokens: Record<string, Thing> = {
    'what a service has proven itself for': tokenThing(issued.accessToken, BILLING, ordersPeer),
    'a token of the token endpoint': tokenThing(textOf(first), BILLING, ordersPeer),
    'what it was refreshed to': tokenThing(textOf(refreshed), BILLING, ordersPeer, idOf(textOf(first))),
    'what a token was exchanged for': tokenThing(textOf(exchanged), LEDGER, billingPeer, idOf(textOf(another))),
  }
  const handedOn: Record<string, Thing> = {
    'what hands a session on': {
      endMs: handed.expiresAtMs,
      tokenId: handed.tokenId,
      judge: async () => codeOf(await mesh.acceptPropagatedSession(handed.token, { service: BILLING, caller })),
    },
    'a session that was accepted': { ...ofSession, judge: async () => verifier.judge(accepted)?.code ?? 'good' },
    'a session that was accepted, to be handed on': {
      ...ofSession,
      judge: async () => codeOf(await mesh.propagateSession({ session: accepted, from: BILLING, to: LEDGER })),
    },
  }
  const handles: Record<string, Thing> = {
    'the handle of a session': { endMs: session.expiresAtMs, judge: async () => codeOf(await mesh.sessions.validate(session.handle)) },
  }
  return { stage, tokens, handedOn, handles, session, ordersPeer }
}

type Made = Awaited<ReturnType<typeof make>>

const idsOf = (things: Readonly<Record<string, Thing>>): readonly Revocable[] =>
  [...new Set(Object.values(things).map(({ tokenId }) => tokenId))].map((token) => ({ token: token ?? '' }))

/** What is revoked, and what ends with it. */
const REVOKED: readonly (readonly [
  name: string,
  of: (made: Made) => readonly [targets: readonly Revocable[], ended: Readonly<Record<string, Thing>>],
])[] = [
  ['the service', ({ tokens, handedOn }) => [[{ service: ORDERS }], { ...tokens, ...handedOn }]],
  ['the service, deregistered', ({ tokens, handedOn }) => [[], { ...tokens, ...handedOn }]],
  ['the token', ({ tokens, handedOn }) => [idsOf({ ...tokens, ...handedOn }), { ...tokens, ...handedOn }]],
  [
    'the certificate, which ends in an hour',
    ({ stage, ordersPeer, ...made }) => {
      const validTo = new Date(stage.mesh.clock.nowMs() + HOUR_MS)
      const certificate = ordersPeer.certificate === null ? null : { ...ordersPeer.certificate, validTo }
      return [[{ certificate: { ...ordersPeer, certificate } }], { ...made.tokens, ...made.handedOn, ...made.handles }]
    },
  ],
  ['the key', ({ stage, tokens, handedOn }) => [[{ key: stage.core.keys.kid }], { ...tokens, ...handedOn }]],
  ['the session', ({ session, handedOn, handles }) => [[{ session: session.id }], { ...handedOn, ...handles }]],
]

/** Judges each a second before it would end. */
async function judgeEach({ stage }: Made, things: Readonly<Record<string, Thing>>): Promise<Readonly<Record<string, string>>> {
  const verdicts: Record<string, string> = {}
  for (const [name, thing] of Object.entries(things).toSorted(([, one], [, other]) => one.endMs - other.endMs)) {
    await advance(stage, Math.max(0, (thing.endMs - stage.mesh.clock.nowMs()) / 1000 - 1))
    // Whom a session is handed on to must be there: that it is not would be a reason of its own.
    await stage.authMesh.authenticateService({ service: LEDGER, peer: peerOf(LEDGER), audience: LEDGER })
    verdicts[name] = await thing.judge()
  }
  return verdicts
}

for (const [lifetimes, options] of LIFETIMES) {
  test(`with ${lifetimes} all that is made is good until a second before its end`, async (t) => {
    const made = await make(t, options)
    const verdicts = await judgeEach(made, { ...made.tokens, ...made.handedOn, ...made.handles })
    assert.deepEqual(new Set(Object.values(verdicts)), new Set(['good']), JSON.stringify(verdicts))
  })

  for (const [name, of] of REVOKED) {
    test(`with ${lifetimes} nothing is good again that is revoked with ${name}`, async (t) => {
      const made = await make(t, options)
      const [targets, ended] = of(made)
      const { authMesh, core } = made.stage
      for (const target of targets) assert.equal((await authMesh.revoke(target, { reason: 'key-compromise' })).refused, undefined)
      // A key that signs is replaced first: without one nothing could be told of the rest.
      await until(() => !authMesh.revocations.has('key', core.keys.kid, 0))
      if (targets.length === 0) assert.equal((await authMesh.deregisterService(ORDERS)).refused, undefined)
      for (const [what, thing] of Object.entries(ended)) assert.notEqual(await thing.judge(), 'good', what)
      const verdicts = await judgeEach(made, ended)
      for (const [what, verdict] of Object.entries(verdicts)) assert.match(verdict, REFUSED, what)
    })
  }
}

test('a ring whose retired keys are published no longer than a token lives is refused where clocks may differ', () => {
  const keys = createKeyRing({ algorithm: 'ES256', clockSkewSeconds: 0, marginSeconds: 29 })
  const options = { issuer: 'https://mesh.prod.example', services: { [ORDERS]: { mayCall: [] } }, keys, audit: null }
  assert.throws(() => createAuthMesh(options), { code: 'ERR_OPTION_CONTRADICTION', option: 'keys' })
  void createAuthMesh({ ...options, clockSkewSeconds: 29 }).close()
  void keys.close()
})
