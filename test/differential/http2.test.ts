import assert from 'node:assert/strict'
import { METHODS as ALL_METHODS } from 'node:http'
import { after, before, test } from 'node:test'
import type { AdapterName } from '../conformance/adapters.js'
import { HOST } from '../conformance/certificates.js'
import { requestHttp2 } from '../conformance/raw-http2.js'
import { deniedSince, type Service, startService } from '../conformance/service.js'
import { createWorld } from '../conformance/world.js'
import { type GeneratedHttp2, mutateHttp2 } from './mutate-http2.js'
import { optionsFor } from './options.js'
import { asOthersSayIt, classOf, type Outcome, outcomeOf } from './outcome.js'
import { createRandom } from './random.js'

const SEED = Number(process.env['COUNTERSIGN_SEED'] ?? 20_261_124)
const CASES = Number(process.env['COUNTERSIGN_CASES'] ?? 500)
// Express does not run on HTTP/2.
const KNOWN: readonly string[] = ALL_METHODS
const RUN: readonly AdapterName[] = ['node', 'koa2', 'koa3', 'fastify']

const world = createWorld()
const services = new Map<AdapterName, Service>()

before(async () => {
  for (const adapter of RUN) {
    const service = await startService(adapter, 'http2', world, optionsFor(world), {
      answer: ({ method, target, principal }) => `${principal?.id} ${method} ${target}`,
    })
    services.set(adapter, service)
  }
})

after(async () => {
  for (const service of services.values()) await service.close()
  world.close()
})

test(`${CASES} HTTP/2 streams of seed ${SEED} are answered alike on every adapter`, async () => {
  const random = createRandom(SEED)
  const counts = new Map<string, number>()
  for (let index = 0; index < CASES; index++) {
    const generated = mutateHttp2(random, world.tokens)
    const results = await Promise.all([...services].map(async ([adapter, service]) => ({ adapter, ...(await send(service, generated)) })))
    world.clock.advanceSeconds(1)
    const [reference] = results
    if (reference === undefined) throw new Error('no adapter ran')
    const unknownMethod = generated.fields.some(([name, value]) => name === ':method' && !KNOWN.includes(value))
    const what = `case ${index} (${generated.certificate}): ${JSON.stringify(generated.fields)}`
    for (const { adapter, outcomes, codes } of results) {
      const alike = asOthersSayIt(outcomes, reference.outcomes, { unknownMethod })
      assert.deepEqual(alike, reference.outcomes, `${adapter} differs on ${what}`)
      if (alike[0] === outcomes[0]) assert.deepEqual(codes, reference.codes, `${adapter} writes something else down on ${what}`)
    }
    const name = reference.outcomes[0]?.status === 0 ? 'refused by nghttp2' : classOf(reference.outcomes)
    counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  const lines = [...counts].sort(([, a], [, b]) => b - a).map(([name, count]) => `${String(count).padStart(6)} ${name}`)
  console.log([`seed ${SEED}: ${CASES} streams on ${RUN.join(', ')}`, ...lines].join('\n'))
  for (const name of NEVER) assert.equal(counts.get(name) ?? 0, 0, name)
  if (CASES < 500) return
  for (const [name, least] of Object.entries(LEAST))
    assert.ok((counts.get(name) ?? 0) >= least, `only ${counts.get(name) ?? 0} cases of: ${name}`)
})

const NEVER = ['ERR_PEER_UNENCRYPTED', 'ERR_UNAVAILABLE']
const LEAST: Readonly<Record<string, number>> = {
  'let through': 20,
  'refused by nghttp2': 20,
  ERR_TARGET_NOT_CANONICAL: 50,
  ERR_FORBIDDEN: 20,
  ERR_AUTHORITY_INVALID: 2,
  ERR_MISDIRECTED: 2,
  ERR_TOKEN_MALFORMED: 5,
  ERR_TOKEN_REPEATED: 1,
  ERR_TOKEN_BINDING: 5,
  ERR_PEER_SELF_SIGNED: 5,
}

async function send(
  service: Service,
  { certificate, fields }: GeneratedHttp2,
): Promise<{ outcomes: Outcome[]; codes: readonly unknown[] }> {
  const since = service.recorder.events.length
  const credential = certificate === null ? null : world.certificates.of(certificate)
  const socket = await service.connect({ credential, serverName: HOST, loadsAnything: false })
  const answer = await requestHttp2(socket, fields)
  return { outcomes: [outcomeOf(answer)], codes: deniedSince(service, since) }
}
