import type { GuardOptions } from '@countersign/guard'
import { presetsOf } from '../conformance/presets.js'
import type { World } from '../conformance/world.js'

/** One service with some of everything: exempt routes, more demanding ones, rules, scopes, denying rules, quotas. */
export function optionsFor(world: World): GuardOptions {
  const { 'rules-and-scopes': rules, routes } = presetsOf(world)
  return {
    ...rules,
    require: [['mtls'], ['mtls', 'jwt']],
    routes: [{ path: SENTINEL, require: 'none' }, ...routes.routes],
    authorize: [
      ...rules.authorize,
      { callers: { anonymous: true }, paths: ['/status', '/'] },
      { callers: { trustDomain: 'prod.example' }, paths: [{ under: '/admin' }, { under: '/projects' }, '/status'] },
    ],
    limit: {
      perCaller: null,
      perAddress: { quota: 60, windowSeconds: 60, burst: 40 },
      policies: [{ name: 'writes', partitionBy: 'caller', quota: 2, windowSeconds: 60, burst: 2, only: { methods: ['POST', 'DELETE'] } }],
    },
  }
}

/** Sent after every case, to know when its answers have all come. */
export const SENTINEL = '/sentinel'
