import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MISUSE_CODES, MisuseError } from '@countersign/core'
import { createGuard, type Guard, type GuardOptions } from '@countersign/guard'
import { fakeInbound } from '@countersign/testing'
import fc from 'fast-check'
import { idOf } from '../conformance/certificates.js'
import { presetsOf } from '../conformance/presets.js'
import { createWorld } from '../conformance/world.js'

const RUNS = Number(process.env['COUNTERSIGN_RUNS'] ?? 1200)
const SEED = Number(process.env['COUNTERSIGN_SEED'] ?? 20_261_123)

const world = createWorld()
const { 'rules-and-scopes': rules } = presetsOf(world)
const selfSigned = world.certificates.of('self-signed').certificateDer

/** Options in which every field is used, so that every field can be spoilt. */
const sound = {
  ...rules,
  require: 'all',
  routes: [{ path: '/health', methods: ['GET'], require: 'none' }],
  authority: 'as-server-name',
  limit: {
    perCaller: { quota: 10, windowSeconds: 1 },
    perAddress: null,
    policies: [{ name: 'writes', partitionBy: 'caller', quota: 1, windowSeconds: 10, only: { methods: 'POST' } }],
    maxKeys: 100,
    whenUnavailable: 'refuse',
  },
  mtls: {
    ...rules.mtls,
    identifyBy: ['spiffe'],
    names: [idOf('/orders')],
    minimum: { rsaBits: 2048, hash: 'sha256' },
    clockSkewSeconds: 30,
    revocation: { crl: { files: [world.crlFile] }, scope: 'leaf', whenUnavailable: 'refuse' },
  },
  audit: null,
  exposeDetails: false,
  closeOnDenial: false,
  problemTypeBase: 'https://errors.prod.example/',
  runtime: { clock: world.clock },
} as const satisfies GuardOptions

/** Paths of all fields, of objects and lists alike. */
const places = placesIn(sound, [])

function placesIn(value: unknown, path: readonly string[]): string[][] {
  if (typeof value !== 'object' || value === null || path.at(-1) === 'clock') return []
  return Object.keys(value).flatMap((key) => [[...path, key], ...placesIn((value as Record<string, unknown>)[key], [...path, key])])
}

const junk = fc.oneof(
  fc.constantFrom<unknown>(
    undefined,
    null,
    true,
    false,
    0,
    1,
    -1,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    2 ** 53,
    1.5,
    '',
    ' ',
    '*',
    '/',
    '**',
    '.*',
    'all',
    'none',
    'NaN',
    [],
    [[]],
    {},
    [null],
    [undefined],
    () => true,
    Symbol('x'),
    1n,
    new Date(),
    /x/,
    new Map(),
    new Proxy({}, {}),
    Object.create(null),
  ),
  fc.anything({ maxDepth: 2, withBigInt: true, withDate: true, withMap: true, withNullPrototype: true, withObjectString: true }),
)

function spoil(value: unknown, [key = '', ...rest]: readonly string[], put: unknown): unknown {
  const copy: Record<string, unknown> | unknown[] = Array.isArray(value) ? [...(value as unknown[])] : { ...(value as object) }
  const fields = copy as Record<string, unknown>
  fields[key] = rest.length === 0 ? put : spoil(fields[key], rest, put)
  return copy
}

test('sound options make a guard that keeps strangers out', async () => {
  assert.ok(places.length > 50, `${places.length} fields`)
  const guard = createGuard(sound)
  await keepsOut(guard)
  await guard.close()
})

test('options of which one field is spoilt are refused by name, or make a guard that keeps strangers out all the same', async () => {
  const codes = new Set<string>()
  let accepted = 0
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...places), junk, async (place, put) => {
      fc.pre(!(place[0] === 'audit' && put === undefined))
      const options = spoil(sound, place, put)
      let guard: Guard
      try {
        guard = createGuard(options as GuardOptions)
      } catch (error) {
        assert.ok(error instanceof MisuseError, `${place.join('.')}: ${String(error)}`)
        assert.ok(MISUSE_CODES.includes(error.code))
        codes.add(error.code)
        return
      }
      accepted++
      await keepsOut(guard)
      await guard.close()
    }),
    { numRuns: RUNS, seed: SEED },
  )
  assert.ok(codes.size >= 5, [...codes].join(', '))
  assert.ok(accepted > 50, `${accepted} accepted`)
})

test('a field that nobody knows is refused wherever it stands', () => {
  const objects = [[], ...places.filter((place) => isObject(valueAt(sound, place)) && place.at(-1) !== 'claims')]
  assert.ok(objects.length > 10, `${objects.length} objects`)
  for (const place of objects) {
    const wrong =
      place.length === 0 ? { ...sound, nobodyKnows: 1 } : spoil(sound, place, { ...(valueAt(sound, place) as object), nobodyKnows: 1 })
    assert.throws(() => createGuard(wrong as GuardOptions), { code: 'ERR_OPTION_UNKNOWN' }, place.join('.'))
  }
})

test('nothing is changed in the options that are handed in', async () => {
  const before = JSON.stringify(sound)
  const guard = createGuard(sound)
  await guard.close()
  assert.equal(JSON.stringify(sound), before)
  world.close()
})

/** Nobody, and somebody who vouches for himself, on every path that is not exempt. */
async function keepsOut(guard: Guard): Promise<void> {
  for (const target of ['/nobody', '/orders', '/invoices/7', '/files/a', '/admin/7']) {
    for (const inbound of [
      fakeInbound({ target }),
      fakeInbound({ target, presented: { kind: 'certificate', leaf: selfSigned, intermediates: [] } }),
    ]) {
      assert.equal((await guard.decide(inbound)).allowed, false, target)
    }
  }
}

function valueAt(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((at, key) => (at as Record<string, unknown>)[key], value)
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !('nowMs' in value) && !('kty' in value)
}
