import {
  type ApiKeyVerifier,
  checkBoolean,
  checkChoice,
  checkKeys,
  checkList,
  checkText,
  DOCS_BASE,
  joinPath,
  kindOf,
  MisuseError,
  type PeerVerifier,
  type Runtime,
  type SessionVerifier,
  type TokenVerifier,
} from '@countersign/core'
import type { GuardOptions, RouteOptions } from './options.js'
import { type Configured, compileRequirement, type EvidenceNeed } from './requirement.js'
import { compileRoutes, type RouteTable } from './routes.js'

const KEYS = [
  'mtls',
  'jwt',
  'apiKeys',
  'authorize',
  'require',
  'routes',
  'forwarded',
  'authority',
  'session',
  'limit',
  'audit',
  'meter',
  'asyncContext',
  'exposeDetails',
  'closeOnDenial',
  'problemTypeBase',
  'runtime',
]

/** What the options say once they are checked: frozen, complete, and without contradictions. */
export interface CheckedOptions {
  readonly mtls: GuardOptions['mtls']
  readonly jwt: GuardOptions['jwt']
  readonly apiKeys: NonNullable<GuardOptions['apiKeys']> | null
  readonly forwarded: NonNullable<GuardOptions['forwarded']> | null
  readonly authorize: GuardOptions['authorize']
  readonly session: SessionVerifier | null
  readonly limit: GuardOptions['limit']
  readonly audit: GuardOptions['audit']
  readonly meter: NonNullable<GuardOptions['meter']> | null
  readonly need: EvidenceNeed
  readonly needOf: RouteTable
  readonly encodedSlashes: readonly RouteOptions['path'][]
  readonly asServerName: boolean
  readonly asyncContext: boolean
  readonly exposeDetails: boolean
  readonly closeOnDenial: boolean
  readonly problemTypeBase: string
  readonly runtime: Runtime
}

/** @throws {MisuseError} naming the option that is missing, unknown or contradictory. */
export function checkGuardOptions(options: GuardOptions): CheckedOptions {
  checkShape(options)
  checkKeys('', options, KEYS)
  for (const key of ['mtls', 'jwt', 'authorize'] as const) {
    if (options[key] === undefined)
      throw new MisuseError(
        'ERR_OPTION_MISSING',
        key,
        `must be said${key === 'authorize' ? REQUIRED_AUTHORIZE : `; write ${key}: null if none is to be looked at`}`,
      )
  }
  const apiKeys = options.apiKeys ?? null
  const configured: Configured = { mtls: options.mtls !== null, jwt: options.jwt !== null, apiKeys: apiKeys !== null }
  if (!configured.mtls && !configured.jwt && !configured.apiKeys)
    throw new MisuseError(
      'ERR_OPTION_CONTRADICTION',
      'mtls',
      'and jwt are both null, and there are no apiKeys: such a guard could never know who calls',
    )
  checkBinding(options)
  checkForwarded(options)
  if (typeof (options.audit as unknown) === 'string')
    throw new MisuseError('ERR_OPTION_INVALID', 'audit', "takes an object or null: write { allowed: 'all' } to write every request down")
  if (options.jwt === null) checkWithoutTokens(options.authorize, configured.apiKeys)

  const need = compileRequirement('require', options.require ?? 'all', configured)
  const routes = options.routes === undefined ? undefined : (checkList('routes', options.routes).slice() as readonly RouteOptions[])
  const needOf = compileRoutes(routes, need, configured)
  if (options.authorize === 'any-authenticated' && need.admitsAnonymous) {
    throw new MisuseError(
      'ERR_OPTION_CONTRADICTION',
      'authorize',
      "'any-authenticated' refuses every anonymous caller that require: 'optional' is to let in: write 'anyone', or rules with { callers: { anonymous: true } }",
    )
  }
  return Object.freeze({
    mtls: options.mtls,
    jwt: options.jwt,
    apiKeys,
    forwarded: options.forwarded ?? null,
    authorize: options.authorize,
    session: checkSession(options.session),
    limit: options.limit,
    audit: options.audit,
    meter: options.meter === undefined ? null : checkMeter(options.meter),
    need,
    needOf,
    encodedSlashes: (routes ?? []).filter((route) => route.encodedSlashes === true).map((route) => route.path),
    asServerName: checkChoice('authority', options.authority ?? 'as-server-name', ['as-server-name', 'any']) === 'as-server-name',
    asyncContext: checkBoolean('asyncContext', options.asyncContext ?? false),
    exposeDetails: checkBoolean('exposeDetails', options.exposeDetails ?? false),
    closeOnDenial: checkBoolean('closeOnDenial', options.closeOnDenial ?? false),
    problemTypeBase: checkText('problemTypeBase', options.problemTypeBase ?? DOCS_BASE),
    runtime: checkRuntime(options.runtime),
  })
}

// What is no options at all gets the line that was meant, not the first key that is unknown in it.
function checkShape(options: unknown): void {
  if (typeof options !== 'object' || options === null) {
    const fix = "takes options: { mtls: { trust: 'ca.pem' }, jwt: null, authorize: ['spiffe://prod.example/orders'] }"
    throw new MisuseError('ERR_OPTION_INVALID', '', `createGuard ${fix}, not ${kindOf(options)}`)
  }
  if (('headers' in options && 'method' in options) || 'req' in options)
    throw new MisuseError(
      'ERR_OPTION_INVALID',
      '',
      'got a request in place of a guard: write app.use(countersign(guard)), not app.use(countersign)',
    )
  if ('guard' in options)
    throw new MisuseError('ERR_OPTION_UNKNOWN', 'guard', 'is not an option; pass the guard itself: countersign(guard)')
}

const REQUIRED_AUTHORIZE = ": list who may call, such as ['spiffe://prod.example/orders'], or write 'any-authenticated'"

function checkBinding({ mtls, jwt }: GuardOptions): void {
  if (mtls !== null || jwt === null || isTokenVerifier(jwt)) return
  const entries = Array.isArray(jwt) ? jwt : [jwt]
  entries.forEach((entry: unknown, index) => {
    if (typeof entry !== 'object' || entry === null) return
    // Others than `mtls` can be met without a certificate; what else stands there is for the package that reads it to refuse.
    if (Reflect.get(entry, 'type') === 'wit+jwt') return
    const binding = Reflect.get(entry, 'binding') ?? ('dpop' in entry && entry.dpop !== null ? 'unsaid' : 'mtls')
    if (binding !== 'mtls') return
    const option = Array.isArray(jwt) ? `jwt[${index}].binding` : 'jwt.binding'
    throw new MisuseError(
      'ERR_OPTION_CONTRADICTION',
      option,
      "tokens can only be bound to a client certificate, and mtls is null: write binding: 'dpop' with dpop: { origins } for tokens that are bound to a key, or 'if-bound' to accept a bearer token from whoever holds it",
    )
  })
}

function checkForwarded({ mtls, forwarded }: GuardOptions): void {
  if (forwarded === undefined || forwarded === null) return
  if (mtls === null)
    throw new MisuseError(
      'ERR_OPTION_CONTRADICTION',
      'forwarded',
      "hands certificates on, and mtls is null: write mtls: { trust: 'clients-ca.pem' } for who may vouch for them",
    )
  if (isPeerVerifier(mtls))
    throw new MisuseError(
      'ERR_OPTION_CONTRADICTION',
      'forwarded',
      'is read by the verifier that mtls makes of options: give it to your own',
    )
}

function checkWithoutTokens(authorize: unknown, hasKeys: boolean): void {
  if (!Array.isArray(authorize)) return
  authorize.forEach((rule: unknown, index) => {
    if (typeof rule !== 'object' || rule === null) return
    for (const part of hasKeys ? ['claims'] : ['scopes', 'claims']) {
      if (Reflect.get(rule, part) === undefined) continue
      throw new MisuseError(
        'ERR_OPTION_CONTRADICTION',
        `authorize[${index}].${part}`,
        'can only match a token, and jwt is null: configure jwt, or leave the key out',
      )
    }
  })
}

function checkSession(session: GuardOptions['session']): SessionVerifier | null {
  const given: unknown = session
  if (given === undefined || given === null) return null
  if (session && isKind(given, 'session') && hasMethods(given, ['isPresented', 'accept', 'judge'])) return session
  throw new MisuseError(
    'ERR_OPTION_INVALID',
    'session',
    `takes a session verifier such as mesh.sessionVerifier({ service }), or null, not ${kindOf(given)}`,
  )
}

function checkMeter(meter: GuardOptions['meter']): CheckedOptions['meter'] {
  const given: unknown = meter
  if (given === null || hasMethods(given, ['createCounter', 'createHistogram', 'createGauge'])) return meter ?? null
  throw new MisuseError('ERR_OPTION_INVALID', 'meter', `takes a meter such as createMeter(), or null, not ${kindOf(given)}`)
}

function checkRuntime(runtime: GuardOptions['runtime']): Runtime {
  if (runtime !== undefined) checkRuntimeParts(runtime)
  return Object.freeze({
    clock: runtime?.clock ?? { nowMs: Date.now },
    fetch: runtime?.fetch ?? globalThis.fetch,
  })
}

function checkRuntimeParts(runtime: unknown): void {
  checkKeys('runtime', runtime, ['clock', 'fetch'])
  const { clock, fetch } = runtime
  const wrong = (key: string, takes: string, value: unknown): MisuseError =>
    new MisuseError('ERR_OPTION_INVALID', joinPath('runtime', key), `takes ${takes}, not ${kindOf(value)}`)
  if (clock !== undefined && !hasMethods(clock, ['nowMs'])) throw wrong('clock', 'an object with nowMs()', clock)
  if (fetch !== undefined && typeof fetch !== 'function') throw wrong('fetch', 'a function', fetch)
}

function hasMethods(value: unknown, names: readonly string[]): boolean {
  if (typeof value !== 'object' || value === null) return false
  return names.every((name) => typeof Reflect.get(value, name) === 'function')
}

export function isPeerVerifier(value: GuardOptions['mtls']): value is PeerVerifier {
  return isKind(value, 'mtls')
}

export function isApiKeyVerifier(value: NonNullable<GuardOptions['apiKeys']>): value is ApiKeyVerifier {
  return isKind(value, 'api-key')
}

export function isTokenVerifier(value: GuardOptions['jwt']): value is TokenVerifier {
  return isKind(value, 'jwt')
}

// A text or a number in place of options is for the package that reads them to refuse, by the name of the option.
function isKind(value: unknown, kind: string): boolean {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === kind
}
