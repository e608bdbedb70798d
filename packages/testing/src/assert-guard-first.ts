import { MisuseError } from '@countersign/core'

/** Exceptions for {@link assertGuardFirst}. */
export interface GuardFirstOptions {
  /** Middleware that may stand in front of the guard: the functions themselves, or their names. Default: none. */
  readonly before?: readonly (string | ((...args: never[]) => unknown))[]
}

interface Layer {
  readonly name: string
  readonly handle: unknown
  /** It sees every path. */
  readonly everywhere: boolean
}

// What Express 4 puts in front of everything by itself.
const FRAMEWORK_LAYERS: ReadonlySet<string> = new Set(['query', 'expressInit'])

/**
 * Checks that a guard is the first thing every request meets, for a service's own unit test. Looks into the app: Express 4 and 5,
 * Koa 2 and 3. Fastify needs none of it, since its plugin runs before any parser or handler wherever it is registered first.
 * @example
 * test('the guard stands first', () => assertGuardFirst(app, { before: ['helmet'] }))
 * @throws {MisuseError} `ERR_NOT_GUARDED` naming what stands in front of the guard, or that there is none.
 */
export function assertGuardFirst(app: object, options: GuardFirstOptions = {}): void {
  const layers = layersOf(app)
  const at = layers.findIndex(({ handle }) => isGuarded(handle))
  const guard = layers[at]
  if (guard === undefined)
    throw new MisuseError('ERR_NOT_GUARDED', '', 'no guard stands in this app: begin with app.use(countersign({ … }))')
  if (!guard.everywhere)
    throw new MisuseError('ERR_NOT_GUARDED', '', 'the guard stands below a path only: write app.use(countersign({ … })) without one')
  const allowed = new Set<unknown>(options.before ?? [])
  const earlier = layers.slice(0, at).find(({ name, handle }) => !FRAMEWORK_LAYERS.has(name) && !allowed.has(name) && !allowed.has(handle))
  if (earlier !== undefined) {
    const message = `${earlier.name} stands in front of the guard and sees requests that nobody has judged: move app.use(countersign({ … })) above it`
    throw new MisuseError('ERR_NOT_GUARDED', '', `${message}, or name it in { before }`)
  }
}

function isGuarded(handle: unknown): boolean {
  const guard = typeof handle === 'function' ? propertyOf(handle, 'guard') : undefined
  return typeof propertyOf(guard, 'decide') === 'function'
}

function layersOf(app: object): readonly Layer[] {
  const middleware = propertyOf(app, 'middleware')
  if (Array.isArray(middleware)) return middleware.map((handle: unknown) => ({ name: nameOf(handle), handle, everywhere: true }))
  // Express 4 has `_router`, and a `router` that throws; Express 5 has `router` alone.
  const stack = propertyOf(propertyOf(app, '_router') ?? expressRouterOf(app), 'stack')
  if (Array.isArray(stack)) return stack.map(expressLayer)
  throw new MisuseError('ERR_OPTION_INVALID', 'app', 'takes an Express or Koa app')
}

function expressRouterOf(app: object): unknown {
  try {
    return propertyOf(app, 'router')
  } catch {
    return { stack: [] }
  }
}

function expressLayer(layer: unknown): Layer {
  const handle = propertyOf(layer, 'handle')
  const route = propertyOf(layer, 'route')
  const path = propertyOf(route, 'path')
  const everywhere = propertyOf(layer, 'slash') === true || propertyOf(propertyOf(layer, 'regexp'), 'fast_slash') === true
  return { name: route === undefined ? nameOf(handle) : `the route ${typeof path === 'string' ? path : ''}`.trimEnd(), handle, everywhere }
}

function nameOf(handle: unknown): string {
  const name = propertyOf(handle, 'name')
  return typeof name === 'string' && name !== '' ? name : 'a middleware without a name'
}

function propertyOf(value: unknown, key: string): unknown {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return undefined
  return (value as Readonly<Record<string, unknown>>)[key]
}
