import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { ADAPTERS, type AdapterName } from '../conformance/adapters.js'
import { type Answer, fieldOf, NO_ANSWER } from '../conformance/answer.js'
import { type Certificates, HOST } from '../conformance/certificates.js'
import { type RawConnection, rawConnection } from '../conformance/raw-http1.js'
import { deniedSince, type Service, startService } from '../conformance/service.js'
import { createWorld } from '../conformance/world.js'
import { type Generated, mutateRequest } from './mutate-request.js'
import { optionsFor, SENTINEL } from './options.js'
import { asOthersSayIt, classOf, type Outcome, outcomeOf } from './outcome.js'
import { createRandom } from './random.js'

const SEED = Number(process.env['COUNTERSIGN_SEED'] ?? 20_261_123)
const CASES = Number(process.env['COUNTERSIGN_CASES'] ?? 1800)
const HUNG_AFTER_MS = 10_000
/** A verification that a broken connection left under way takes a millisecond. */
const SETTLING_MS = 20
const REFERENCE: AdapterName = 'node'

const world = createWorld()
const targets: { adapter: AdapterName; service: Service; connections: Map<string, RawConnection> }[] = []

before(async () => {
  for (const adapter of ADAPTERS) {
    const service = await startService(adapter, 'https', world, optionsFor(world), {
      answer: ({ method, target, principal }) => `${principal?.id} ${method} ${target}`,
    })
    targets.push({ adapter, service, connections: new Map() })
  }
})

after(async () => {
  for (const { service } of targets) await service.close()
  world.close()
})

test(`${CASES} requests of seed ${SEED} are answered alike on every adapter`, async () => {
  const random = createRandom(SEED)
  const counts = new Map<string, number>()
  let otherWords = 0
  let settled = true
  for (let index = 0; index < CASES; index++) {
    const generated = mutateRequest(random, world.tokens)
    const results: readonly Result[] = await Promise.all(
      targets.map(async (target) => ({ adapter: target.adapter, ...(await exchange(target, generated, index)) })),
    )
    world.clock.advanceSeconds(1)
    const said: Result = results.find(({ adapter }) => adapter === REFERENCE) ?? assert.fail('the reference did not run')
    const reference: readonly Outcome[] = said.outcomes
    const what = `case ${index} (${generated.certificate}): ${JSON.stringify(generated.bytes.toString('latin1'))}`
    const brokenOff = generated.traits.includes('framing') || generated.traits.includes('pipelined')
    for (const { adapter, outcomes, codes } of results) {
      const alike = asOthersSayIt(outcomes, reference, { brokenOff })
      assert.deepEqual(alike, reference, `${adapter} differs from ${REFERENCE} on ${what}`)
      if (!isDeepStrictEqual(alike, outcomes)) otherWords++
      // Where Node breaks a connection off, it is a matter of time when what was under way on it is written down: now or with the next case.
      else if (!brokenOff && settled)
        assert.deepEqual(codes, said.codes, `${adapter} writes something else down than ${REFERENCE} on ${what}`)
    }
    settled = !brokenOff
    if (brokenOff) await delay(SETTLING_MS)
    counts.set(classOf(reference), (counts.get(classOf(reference)) ?? 0) + 1)
    for (const trait of generated.traits) counts.set(`trait: ${trait}`, (counts.get(`trait: ${trait}`) ?? 0) + 1)
  }
  const lines = [...counts].sort(([, a], [, b]) => b - a).map(([name, count]) => `${String(count).padStart(6)} ${name}`)
  console.log([`seed ${SEED}: ${CASES} cases on ${ADAPTERS.join(', ')}; ${otherWords} said in other words`, ...lines].join('\n'))
  for (const name of NEVER) assert.equal(counts.get(name) ?? 0, 0, name)
  if (CASES < 1000) return
  for (const [name, least] of Object.entries(LEAST))
    assert.ok((counts.get(name) ?? 0) >= least, `only ${counts.get(name) ?? 0} cases of: ${name}`)
})

interface Result {
  readonly adapter: AdapterName
  readonly outcomes: readonly Outcome[]
  /** What was written down. */
  readonly codes: readonly unknown[]
}

/** On connections that are all encrypted, to guards of which no part fails. */
const NEVER = ['ERR_PEER_UNENCRYPTED', 'ERR_UNAVAILABLE', '500 of Node or the framework', '404 of Node or the framework']

/** What must have been among the cases, or the comparison says little. */
const LEAST: Readonly<Record<string, number>> = {
  'let through': 60,
  ERR_TARGET_NOT_CANONICAL: 100,
  ERR_PEER_MISSING: 20,
  ERR_PEER_EXPIRED: 20,
  ERR_PEER_UNTRUSTED: 20,
  ERR_PEER_SELF_SIGNED: 20,
  ERR_PEER_PURPOSE: 20,
  ERR_PEER_NAME: 20,
  ERR_TOKEN_MALFORMED: 20,
  ERR_TOKEN_REPEATED: 5,
  ERR_TOKEN_SCHEME: 5,
  ERR_TOKEN_SIGNATURE: 3,
  ERR_TOKEN_BINDING: 3,
  ERR_TOKEN_EXPIRED: 2,
  ERR_TOKEN_TOO_LARGE: 1,
  ERR_FORBIDDEN: 40,
  ERR_SCOPE_INSUFFICIENT: 2,
  ERR_QUOTA_EXCEEDED: 5,
  ERR_MISDIRECTED: 5,
  ERR_AUTHORITY_INVALID: 10,
  '400 of Node or the framework': 60,
  'hung up on': 1,
  'trait: pipelined': 30,
  'trait: framing': 20,
  'trait: folded line': 10,
}

/** Sends a case and then, once it is answered, a request that is always let through: what comes between them is all there is. */
async function exchange(
  { service, connections }: (typeof targets)[number],
  generated: Generated,
  index: number,
): Promise<Omit<Result, 'adapter'>> {
  const since = service.recorder.events.length
  const { certificate, bytes, methods, traits } = generated
  const key = certificate ?? 'none'
  const connection = connections.get(key) ?? (await open(service, certificate))
  connections.set(key, connection)
  const mark = `${SENTINEL}?case=${index}`
  const sentinel = Buffer.from(`GET ${mark} HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`)
  let seen = false
  const isSentinel = (answer: Answer): boolean => {
    seen = answer.status === 200 && answer.body === `anonymous GET ${mark}`
    return seen
  }
  let hung = false
  const timer = setTimeout(() => {
    hung = true
    connection.destroy()
  }, HUNG_AFTER_MS)
  // A parser that does not find the end of such a case waits for more.
  const endless = traits.some((trait) => ENDLESS.has(trait))
  const answers = endless
    ? [...(await connection.exchangeUntil(Buffer.concat([bytes, sentinel]), methods, isSentinel))]
    : (await connection.exchange(bytes, methods)).filter((answer) => answer !== NO_ANSWER)
  if (!endless && answers.length === methods.length && answers.every(keepsOpen))
    answers.push(...(await connection.exchangeUntil(sentinel, [], isSentinel)))
  clearTimeout(timer)
  assert.ok(!hung, `no end came to case ${index}: ${JSON.stringify(bytes.toString('latin1'))}`)
  if (!seen) {
    connection.destroy()
    connections.delete(key)
  }
  return { outcomes: answers.map(outcomeOf), codes: deniedSince(service, since) }
}

const ENDLESS = new Set(['line ends', 'framing', 'method', 'space'])

function keepsOpen(answer: Answer): boolean {
  return fieldOf(answer, 'connection')?.toLowerCase() !== 'close'
}

async function open(service: Service, certificate: Generated['certificate']): Promise<RawConnection> {
  const credential = certificate === null ? null : world.certificates.of(certificate satisfies Parameters<Certificates['of']>[0])
  return rawConnection(await service.connect({ credential, serverName: HOST, loadsAnything: false }))
}
