import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { EvidenceKind } from '@countersign/core'
import type { GuardOptions, Requirement } from '@countersign/guard'
import { ADAPTERS } from './adapters.js'
import { idOf } from './certificates.js'
import { presetsOf } from './presets.js'
import type { Given } from './row.js'
import { send } from './send.js'
import { deniedSince, startService } from './service.js'
import { createWorld } from './world.js'

const KINDS = ['mtls', 'jwt', 'api-key'] as const
type Kinds = readonly [EvidenceKind, ...EvidenceKind[]]
const SUBSETS: readonly (readonly EvidenceKind[])[] = [0, 1, 2, 3, 4, 5, 6, 7].map((bits) => KINDS.filter((_, at) => (bits >> at) & 1))
const LISTS: readonly (readonly Kinds[])[] = [
  [['mtls']],
  [['jwt']],
  [['api-key']],
  [['mtls', 'jwt']],
  [['mtls', 'api-key']],
  [['jwt', 'api-key']],
  [['mtls', 'jwt', 'api-key']],
  [['mtls', 'jwt'], ['api-key']],
  [['mtls', 'api-key'], ['jwt']],
]

/** A policy, and the combinations that it takes: each must be there whole. */
const POLICIES: readonly (readonly [require: Requirement, enough: readonly (readonly EvidenceKind[])[]])[] = [
  ['all', [KINDS]],
  ['any', KINDS.map((kind) => [kind])],
  ...LISTS.map((list) => [list, list] as const),
]

const world = createWorld()
after(() => world.close())
const base: GuardOptions = presetsOf(world)['any-of-three']

/** What a client sends to present these kinds, each of them good. */
function given(presented: readonly EvidenceKind[]): Given {
  return {
    preset: 'any-of-three',
    ...(presented.includes('mtls') ? { certificate: 'orders' as const } : {}),
    ...(presented.includes('jwt') ? { token: 'unbound' as const } : {}),
    ...(presented.includes('api-key') ? { apiKey: 'orders' as const } : {}),
  }
}

const CODES = { mtls: 'ERR_PEER_MISSING', jwt: 'ERR_TOKEN_MISSING', 'api-key': 'ERR_API_KEY_MISSING' } as const
const STATUS = { mtls: 403, jwt: 401, 'api-key': 401 } as const

/** What is asked for where none of the combinations is whole. */
function lackingOf(enough: readonly (readonly EvidenceKind[])[], presented: readonly EvidenceKind[]): EvidenceKind {
  const lacking = enough.map((kinds) => kinds.find((kind) => !presented.includes(kind)))
  const invited = enough.length === 1 ? undefined : (['jwt', 'api-key'] as const).find((kind) => lacking.includes(kind))
  return invited ?? lacking[0] ?? 'mtls'
}

for (const adapter of ADAPTERS)
  for (const [require, enough] of POLICIES)
    test(`${adapter}: of certificate, token and key, all eight combinations are judged by the policy ${JSON.stringify(require)}`, async () => {
      const service = await startService(adapter, 'https', world, { ...base, require })
      try {
        for (const presented of SUBSETS) {
          const words = `presented: ${presented.join(', ') || 'nothing'}`
          const [eventsBefore, handledBefore] = [service.recorder.events.length, service.handled.length]
          const answer = await send(given(presented), service, 'https', world, () => {})
          const [principal] = service.handled.slice(handledBefore).map((handled) => handled.principal)
          if (enough.some((kinds) => kinds.every((kind) => presented.includes(kind)))) {
            assert.equal(answer.status, 200, words)
            assert.deepEqual(principal?.evidence, presented, words)
            const isOrders = presented.includes('mtls') || presented.includes('api-key')
            assert.equal(principal?.id, isOrders ? idOf('/orders') : 'alice', words)
            continue
          }
          const lacking = lackingOf(enough, presented)
          assert.deepEqual([answer.status, deniedSince(service, eventsBefore)], [STATUS[lacking], [CODES[lacking]]], words)
          assert.equal(principal, undefined, 'the handler did not run')
        }
      } finally {
        await service.close()
      }
    })
