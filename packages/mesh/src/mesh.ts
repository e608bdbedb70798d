import { randomUUID } from 'node:crypto'
import { createRecorder } from '@countersign/audit'
import {
  type Clock,
  checkKeys,
  MisuseError,
  NO_METER,
  quietMeter,
  quietRecorder,
  type Recorder,
  type StateStore,
  type Surroundings,
} from '@countersign/core'
import { createKeyRing, type KeyRing } from '@countersign/issuer'
import { createMemoryStateStore, createOutboxRelay, createRevocations } from '@countersign/state'
import type { AuthMesh } from './auth-mesh.js'
import { type CheckedMeshOptions, checkMeshOptions } from './check-options.js'
import { createMeshContext } from './create-context.js'
import { createDriftWatch } from './drift.js'
import { jwtOptionsOf } from './jwt-options.js'
import { createKeyDirectory } from './key-directory.js'
import type { MeshCore } from './mesh-core.js'
import type { AuthMeshOptions } from './options.js'
import { createRevoke } from './revoke.js'
import { createServiceAuthentication } from './service/authenticate-service.js'
import { createClientOptions } from './service/client-options.js'
import { createRegistry } from './service/register-service.js'
import { createRegistrations } from './service/registrations.js'
import { createServiceWatch } from './service/service-watch.js'
import { createServiceTokenValidator } from './service/validate-service-token.js'
import { createSessionAcceptor } from './session/accept-session.js'
import { createAcceptedSessions } from './session/accepted-sessions.js'
import { createSessions } from './session/create-sessions.js'
import { createSessionPropagation } from './session/propagate-session.js'
import { createSessionVerifier } from './session/session-verifier.js'

/** Beyond the skew: clocks of stores and processes are not read at once. */
const MARGIN_MS = 60_000

/**
 * Makes a mesh: the composition root of the issuing side.
 * @example
 * const mesh = createAuthMesh({
 *   issuer: 'https://mesh.prod.example',
 *   services: {
 *     'spiffe://prod.example/orders': { mayCall: ['spiffe://prod.example/billing'] },
 *     'spiffe://prod.example/billing': { mayCall: [] },
 *   },
 * })
 * await mesh.ready()
 * @throws {MisuseError} naming the option that is missing, unknown or contradictory.
 */
export function createAuthMesh(options: AuthMeshOptions): AuthMesh {
  const rules = checkMeshOptions(options)
  const opened: Closable[] = []
  const own = <Part extends Closable>(part: Part): Part => {
    opened.push(part)
    return part
  }
  try {
    return compose(rules, own, opened)
  } catch (error) {
    for (const part of opened) void part.close()
    throw error
  }
}

interface Closable {
  close(): void | Promise<void>
}

function compose(rules: CheckedMeshOptions, own: <Part extends Closable>(part: Part) => Part, opened: Closable[]): AuthMesh {
  const { clock, fetch } = rules.runtime
  const made = createRecorder(rules.audit, { clock })
  const recorder = quietRecorder(made)
  if (made !== rules.audit) own(recorder)
  const surroundings: Surroundings = { clock, fetch, recorder, meter: rules.meter === null ? NO_METER : quietMeter(rules.meter) }
  const shared = rules.store ?? own(createMemoryStateStore({ clock }))
  const store = rules.sink === null ? withoutEvents(shared) : shared
  const revocations = own(createRevocations({ store, ...surroundingsOf(surroundings) }))
  const keys = isKeyRing(rules.keys) ? rules.keys : own(keyRingFrom(rules, clock, recorder))
  checkOverlap(keys, rules)
  const directory = own(createKeyDirectory({ issuer: rules.issuer, store, keys, revocations, processId: randomUUID(), clock, recorder }))
  const core: MeshCore = Object.freeze({
    issuer: rules.issuer,
    keys,
    directory,
    store,
    revocations,
    skewMs: rules.skewMs,
    marginMs: MARGIN_MS,
    longestMs: Math.max(rules.maxTokenMs, rules.propagationMs, rules.sessionMs),
    surroundings,
    randomBytes: rules.runtime.randomBytes,
  })
  const closing = new AbortController()
  const context = createMeshContext(core, rules, closing.signal)
  const drift = createDriftWatch(context)
  const accepted = createAcceptedSessions()
  const sessions = createSessions(context)
  const validator = own(createServiceTokenValidator(context, drift))
  const acceptor = own(createSessionAcceptor(context, accepted, drift))
  const registrations = createRegistrations()
  const watch = own(createServiceWatch(context, registrations))
  const registry = createRegistry(context, registrations, watch)
  if (rules.sink !== null) own(createOutboxRelay({ outbox: store.outbox, sink: rules.sink, recorder, meter: surroundings.meter }))
  const words = `mesh ${rules.issuer}: ${rules.services.ids().length} services, ${keys.algorithm}, mTLS ${rules.isMtlsRequired ? 'required' : 'optional'}, ${
    rules.store === null ? 'state of this process alone' : 'shared state'
  }`
  context.note('guard.configured', 'info', `countersign: ${words}`, {})

  async function ready(): Promise<void> {
    await store.ready()
    await Promise.all([revocations.ready(), directory.ready()])
  }

  let closed: Promise<void> | null = null
  async function closeAll(): Promise<void> {
    closing.abort()
    // The last that was made is the first to go: what others stand on goes last.
    for (const part of opened.splice(0).reverse()) await part.close()
  }
  const close = (): Promise<void> => (closed ??= closeAll())

  return Object.freeze<AuthMesh>({
    authenticateService: createServiceAuthentication(context),
    validateServiceToken: validator.validate,
    registerService: registry.register,
    deregisterService: registry.deregister,
    clientOptions: createClientOptions(context, registrations),
    apiKeys: registrations.apiKeys,
    status: watch.status,
    sessions,
    propagateSession: createSessionPropagation(context, accepted),
    acceptPropagatedSession: acceptor.accept,
    revoke: createRevoke(context, sessions),
    jwt: (jwt) => jwtOptionsOf(core, rules, jwt),
    sessionVerifier: (verifier) => createSessionVerifier(context, acceptor, accepted, ready, verifier),
    revocations,
    context,
    ready,
    sync: watch.sync,
    toString: () => words,
    close,
    [Symbol.asyncDispose]: close,
  })
}

function surroundingsOf({ clock, recorder, meter }: Surroundings) {
  return { clock, recorder, meter }
}

function lifetimesOf({ maxTokenMs, propagationMs, skewMs }: CheckedMeshOptions) {
  return {
    maxTokenSeconds: Math.max(maxTokenMs, propagationMs) / 1000,
    clockSkewSeconds: skewMs / 1000,
    marginSeconds: MARGIN_MS / 1000,
  }
}

const RING_KEYS = ['algorithm', 'keys', 'rotateEverySeconds', 'publishAheadSeconds', 'marginSeconds', 'signTimeoutMs']

/** What is wrong with the options of the ring is wrong with ours. */
function keyRingFrom(rules: CheckedMeshOptions, clock: Clock, recorder: Recorder): KeyRing {
  checkKeys('keys', rules.keys, RING_KEYS)
  try {
    return createKeyRing({ ...lifetimesOf(rules), ...rules.keys, clock, recorder })
  } catch (error) {
    if (!(error instanceof MisuseError)) throw error
    const { code, option, message, cause } = error
    const said = message.slice(option.length + ': '.length, message.lastIndexOf(' ('))
    throw new MisuseError(code, option.replace(/^options/, 'keys'), said, cause)
  }
}

/** A key that is forgotten before its last token has run out makes that token one of nobody. */
function checkOverlap(keys: KeyRing, { maxTokenMs, propagationMs, skewMs }: CheckedMeshOptions): void {
  if (keys.overlapSeconds * 1000 >= Math.max(maxTokenMs, propagationMs) + skewMs) return
  throw new MisuseError(
    'ERR_OPTION_CONTRADICTION',
    'keys',
    'publishes a retired key for a shorter time than tokens and the skew last: raise its maxTokenSeconds, or lower token.maxExpiresInSeconds',
  )
}

function isKeyRing(keys: CheckedMeshOptions['keys']): keys is KeyRing {
  return 'sign' in keys && typeof keys.sign === 'function'
}

/** Nobody takes the events of this process to anybody: kept, they would fill the store until nothing could be changed any more. */
function withoutEvents(store: StateStore): StateStore {
  return {
    claim: (id, untilMs) => store.claim(id, untilMs),
    read: (keys) => store.read(keys),
    commit: ({ emit: _, ...change }) => store.commit(change),
    revocations: store.revocations,
    outbox: store.outbox,
    ready: () => store.ready(),
    close: () => store.close(),
  }
}
