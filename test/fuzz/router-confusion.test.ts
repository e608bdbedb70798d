import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Decision } from '@countersign/core'
import { createGuard } from '@countersign/guard'
import { fakeInbound } from '@countersign/testing'
import fc from 'fast-check'
import { knownCaller } from './known-caller.js'
import { createRouters, type Destination, destinationOf } from './routers.js'
import { type GeneratedTarget, nearTargets, targets } from './targets.js'

const RUNS = Number(process.env['COUNTERSIGN_RUNS'] ?? 20_000)
const SEED = Number(process.env['COUNTERSIGN_SEED'] ?? 20_261_123)
const CALLER = 'spiffe://prod.example/orders'

const routers = createRouters()
const common = { mtls: knownCaller(CALLER), jwt: null, limit: null, audit: null } as const
const allowsPublic = createGuard({ ...common, authorize: [{ callers: CALLER, paths: { under: '/public' } }] })
const allowsPublicWithSlashes = createGuard({
  ...common,
  authorize: [{ callers: CALLER, paths: { under: '/public' } }],
  routes: [{ path: { under: '/public' }, encodedSlashes: true }],
})
const deniesAdmin = createGuard({ ...common, authorize: [CALLER, { paths: { under: '/admin' }, deny: true }] })
const deniesAdminAnywhere = createGuard({ ...common, authorize: [CALLER, { paths: ['/admin', { under: '/admin' }], deny: true }] })
const exempts = createGuard({
  ...common,
  mtls: knownCaller(CALLER),
  authorize: [{ callers: CALLER, paths: '/nothing' }],
  routes: [{ path: '/public', require: 'none' }],
})

type Guard = typeof allowsPublic

for (const [name, generated] of [
  ['any targets', targets],
  ['targets that are almost plain', nearTargets],
] as const) {
  test(`whatever is allowed below a path is routed below it by every router: ${name}`, () => {
    hold(allowsPublic, generated, 'public', (destination) => destination === 'public' || destination === null)
  })

  test(`and so with encoded slashes: ${name}`, () => {
    hold(allowsPublicWithSlashes, generated, 'public', (destination) => destination === 'public' || destination === null)
  })

  test(`no router routes below a path what a denying rule did not deny: ${name}`, () => {
    hold(deniesAdmin, generated, 'elsewhere', (destination) => destination !== 'admin')
  })

  test(`nor to the path itself, where the rule names it: ${name}`, () => {
    hold(deniesAdminAnywhere, generated, 'elsewhere', (destination) => destination !== 'admin' && destination !== 'admin itself')
  })

  test(`an exempt path is an exempt path to every router: ${name}`, () => {
    hold(exempts, generated, 'public itself', (destination) => destination === 'public itself' || destination === null)
  })
}

/** Every target that the guard lets through ends up where it may; `expected` is where enough of them must end up for that to mean something. */
function hold(
  guard: Guard,
  generated: fc.Arbitrary<GeneratedTarget>,
  expected: Destination,
  mayEndUp: (destination: Destination) => boolean,
): void {
  let reached = 0
  fc.assert(
    fc.property(generated, ({ method, target, authority }) => {
      const decision = guard.decide(fakeInbound({ method, target, authority })) as Decision
      if (!decision.allowed) return
      for (const [router, route] of routers) {
        const destination = destinationOf(route, method, target, authority)
        if (destination === expected) reached++
        assert.ok(mayEndUp(destination), `${router} sends ${JSON.stringify(target)} to ${destination}`)
      }
    }),
    { numRuns: RUNS, seed: SEED },
  )
  assert.ok(reached > 100, `only ${reached} arrivals at ${expected}`)
}
