import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Decision, EvidenceKind } from '@countersign/core'
import { createGuard, type Requirement } from '@countersign/guard'
import { createTestRecorder } from '@countersign/testing'
import { apiKey, inbound, keyVerifier, peer, peerVerifier, token, tokenVerifier } from './fixture.js'

const KINDS = ['mtls', 'jwt', 'api-key'] as const
const SUBSETS: readonly (readonly EvidenceKind[])[] = [0, 1, 2, 3, 4, 5, 6, 7].map((bits) => KINDS.filter((_, at) => (bits >> at) & 1))

/** What is answered where this is missing. */
const CODES = { mtls: 'ERR_PEER_MISSING', jwt: 'ERR_TOKEN_MISSING', 'api-key': 'ERR_API_KEY_MISSING' } as const

/** A certificate cannot be asked for; a 401 names every scheme that is accepted. */
function challengeOf(asked: EvidenceKind, configured: readonly EvidenceKind[]): string | undefined {
  const schemes = { jwt: 'Bearer', 'api-key': 'ApiKey' } as const
  const accepted = (['jwt', 'api-key'] as const).filter((kind) => configured.includes(kind))
  return asked === 'mtls' ? undefined : accepted.map((kind) => `${schemes[kind]} realm="countersign"`).join(', ')
}

function decide(configured: readonly EvidenceKind[], presented: readonly EvidenceKind[], require: Requirement): Decision {
  const brings = (kind: EvidenceKind): boolean => presented.includes(kind)
  const guard = createGuard({
    mtls: configured.includes('mtls') ? peerVerifier({ recall: brings('mtls') ? peer() : null }) : null,
    jwt: configured.includes('jwt') ? tokenVerifier({ recall: brings('jwt') ? token() : null }) : null,
    apiKeys: configured.includes('api-key') ? keyVerifier({ recall: brings('api-key') ? apiKey() : null }) : null,
    authorize: 'any-authenticated',
    limit: null,
    audit: createTestRecorder(),
    require,
  })
  const decision = guard.decide(inbound())
  return decision instanceof Promise ? assert.fail('it waits') : decision
}

function check(configured: readonly EvidenceKind[], require: Requirement, alternatives: readonly (readonly EvidenceKind[])[]): void {
  for (const presented of SUBSETS.filter((kinds) => kinds.every((kind) => configured.includes(kind)))) {
    const decision = decide(configured, presented, require)
    const words = `${configured} require ${JSON.stringify(require)}, presented ${presented}`
    const isEnough = alternatives.some((kinds) => kinds.every((kind) => presented.includes(kind)))
    assert.equal(decision.allowed, isEnough, words)
    if (decision.allowed) {
      assert.deepEqual(decision.principal.evidence, presented, words)
      continue
    }
    const lacking = alternatives.map((kinds) => kinds.find((kind) => !presented.includes(kind)))
    const asked =
      (alternatives.length > 1 ? (['jwt', 'api-key'] as const).find((kind) => lacking.includes(kind)) : undefined) ?? lacking[0] ?? 'mtls'
    assert.deepEqual([decision.code, decision.headers['WWW-Authenticate']], [CODES[asked], challengeOf(asked, configured)], words)
  }
}

for (const configured of SUBSETS.filter((kinds) => kinds.length > 0)) {
  test(`all of ${configured.join(' and ')} must be there, and what lacks is asked for`, () => {
    check(configured, 'all', [configured])
  })

  test(`any of ${configured.join(', ')} will do`, () => {
    check(
      configured,
      'any',
      configured.map((kind) => [kind]),
    )
  })
}

const LISTS: readonly (readonly [EvidenceKind, ...EvidenceKind[]])[] = [
  ['mtls'],
  ['jwt'],
  ['api-key'],
  ['mtls', 'jwt'],
  ['mtls', 'api-key'],
  ['jwt', 'api-key'],
  ['mtls', 'jwt', 'api-key'],
]

for (const one of LISTS)
  test(`the list ${one.join(' + ')} is met as a whole, alone or beside every other list`, () => {
    check(KINDS, [one], [one])
    for (const other of LISTS) check(KINDS, [one, other], [one, other])
  })

test('a route that demands a key of its own holds beside what the guard demands', async () => {
  const guard = createGuard({
    mtls: peerVerifier({ recall: peer() }),
    jwt: null,
    apiKeys: keyVerifier({ recall: null }),
    authorize: 'any-authenticated',
    limit: null,
    audit: createTestRecorder(),
    require: [['mtls']],
    routes: [{ path: { under: '/admin' }, require: 'all' }],
  })
  assert.ok((await guard.decide(inbound())).allowed)
  const refused = await guard.decide(inbound({ target: '/admin/keys' }))
  assert.equal(refused.allowed ? 'allowed' : refused.code, 'ERR_API_KEY_MISSING')
})
