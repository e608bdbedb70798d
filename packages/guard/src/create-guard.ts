import { AsyncLocalStorage } from 'node:async_hooks'
import { createRecorder } from '@countersign/audit'
import {
  type ApiKeyVerifier,
  BEARER_CHALLENGE,
  type Challenge,
  type Decision,
  type Inbound,
  kindOf,
  type Labels,
  type Meter,
  MisuseError,
  NO_METER,
  type Principal,
  quietMeter,
  quietRecorder,
  type Surroundings,
  type TokenVerifier,
} from '@countersign/core'
import { createAdmission, createLimiter } from '@countersign/limit'
import { createAuthorizer } from '@countersign/policy'
import { createApiKeyVerifier, createTokenVerifier } from '@countersign/token'
import { createPeerVerifier } from '@countersign/x509'
import { type CheckedOptions, checkGuardOptions, isApiKeyVerifier, isPeerVerifier, isTokenVerifier } from './check-options.js'
import { API_KEY_CHALLENGE, createDenialMaker } from './deny.js'
import type { Guard, Proven, TypedGuardOptions } from './guard.js'
import { createIgnoredFieldFinder } from './ignored-fields.js'
import { createGrantKeeper } from './keep-grants.js'
import type { GuardOptions, Requirement } from './options.js'
import { createPipeline } from './pipeline.js'
import { runtimeNotice } from './runtime-notice.js'
import { createPathReader } from './target.js'
import { watchGrants } from './watch-grants.js'
import { createWitness } from './witness.js'

/**
 * Makes a guard: the composition root, and the only place that knows every mechanism.
 * @example
 * const guard = createGuard({ mtls: { trust: 'ca.pem' }, jwt: null, authorize: ['spiffe://prod.example/orders'] })
 * @throws {MisuseError} naming the option that is missing, unknown or contradictory, and the line that mends it.
 */
export function createGuard<
  const M extends GuardOptions['mtls'],
  const J extends GuardOptions['jwt'],
  const R extends Requirement = 'all',
  const F extends GuardOptions['forwarded'] = null,
  const K extends GuardOptions['apiKeys'] = null,
>(options: TypedGuardOptions<M, J, R, F, K>): Guard<Proven<M, J, R, F, K>> {
  return composeGuard(checkGuardOptions(options)) as Guard<Proven<M, J, R, F, K>>
}

function composeGuard(options: CheckedOptions): Guard {
  const opened: Closable[] = []
  try {
    return compose(options, opened)
  } catch (error) {
    // Files that are watched by what was made before the option that is wrong.
    for (const part of opened) void part.close()
    throw error
  }
}

interface Closable {
  close(): Promise<void>
}

/** @param opened what the guard has made and must close. What was handed in finished may serve another guard, and is its maker's to close. */
function compose(options: CheckedOptions, opened: Closable[]): Guard {
  const { runtime } = options
  function own<Part extends Closable>(part: Part): Part {
    opened.push(part)
    return part
  }
  const meter = options.meter === null ? null : quietMeter(options.meter)
  const made = createRecorder(options.audit, runtime)
  const recorder = quietRecorder(made)
  if (made !== options.audit) own(recorder)
  const surroundings: Surroundings = { ...runtime, recorder, meter: meter ?? NO_METER }
  const authorizer = createAuthorizer(options.authorize)
  const limiter = options.limit === null ? null : createLimiter(options.limit, surroundings)
  if (limiter !== null && limiter !== options.limit) own(limiter)
  const admission = options.limit === null ? null : createAdmission(options.limit, surroundings)
  // What watches files comes last, so that nothing is left watching where an option is wrong.
  const peers =
    options.mtls === null
      ? null
      : isPeerVerifier(options.mtls)
        ? options.mtls
        : own(createPeerVerifier(options.mtls, surroundings, options.forwarded))
  const tokens =
    options.jwt === null ? null : isTokenVerifier(options.jwt) ? options.jwt : own(createTokenVerifier(options.jwt, surroundings))
  const apiKeys =
    options.apiKeys === null
      ? null
      : isApiKeyVerifier(options.apiKeys)
        ? options.apiKeys
        : own(createApiKeyVerifier(options.apiKeys, surroundings))
  const witness = createWitness(recorder, meter)
  const pipeline = createPipeline({
    peers,
    tokens,
    apiKeys,
    sessions: options.session,
    authorizer,
    limiter,
    admission,
    pathOf: createPathReader(options.encodedSlashes),
    needOf: options.needOf,
    asServerName: options.asServerName,
    denialFrom: createDenialMaker(options, challengesOf(tokens, apiKeys)),
    ignoredFields: createIgnoredFieldFinder(peers, options.session, witness),
    witness,
  })
  const watch = watchGrants(pipeline.judge)
  const keeper = createGrantKeeper()
  const context = options.asyncContext ? new AsyncLocalStorage<Principal>() : null
  const words = [
    `requires ${options.need.words}`,
    peers === null ? 'certificates not looked at' : `certificates: ${peers.toString()}`,
    tokens === null ? 'tokens not looked at' : tokens.toString(),
    ...(apiKeys === null ? [] : [apiKeys.toString()]),
    ...(options.session === null ? [] : [options.session.toString()]),
    authorizer.toString(),
    limiter === null ? 'no quota' : limiter.toString(),
  ].join(' · ')

  witness.report({ kind: 'guard.configured', severity: 'info', message: `countersign: ${words}`, facts: {} })
  const notice = runtimeNotice(process.version)
  if (notice !== null) witness.report({ kind: 'guard.misused', severity: 'warn', code: 'ERR_RUNTIME_UNSAFE', message: notice, facts: {} })

  async function close(): Promise<void> {
    pipeline.close()
    watch.close()
    // The recorder was made first, and goes last: the others may have something to say.
    for (const part of opened.splice(0).reverse()) await part.close()
  }

  return {
    decide: meter === null ? pipeline.decide : timed(pipeline.decide, meter),
    judge: pipeline.judge,
    watch: watch.watch,
    end: watch.end,
    attach: keeper.attach,
    attached: keeper.grantOf,
    run: (grant, next) => (context === null ? next() : context.run(grant.principal, next)),
    currentPrincipal() {
      if (context === null)
        throw new MisuseError('ERR_OPTION_MISSING', 'asyncContext', 'is off: write asyncContext: true in the options of this guard')
      return context.getStore() ?? null
    },
    asyncContext: options.asyncContext,
    principal(request) {
      const grant = keeper.grantOf(request)
      if (grant === undefined)
        throw new MisuseError('ERR_NOT_GUARDED', '', 'this request did not pass this guard: put countersign(guard) in front of the handler')
      if (grant.principal.anonymous)
        throw new MisuseError(
          'ERR_NOT_GUARDED',
          '',
          'the caller of this request is anonymous: read request.principal where anonymous callers are let in',
        )
      return grant.principal
    },
    certificateRequest: peers === null ? null : { trustAnchors: () => peers.trustAnchors() },
    closeOnDenial: options.closeOnDenial,
    report: witness.report,
    meter,
    nowMs: () => runtime.clock.nowMs(),
    async ready() {
      await Promise.all([peers?.ready(), tokens?.ready(), apiKeys?.ready(), options.session?.ready()])
    },
    toString: () => words,
    close,
    [Symbol.asyncDispose]: close,
  }
}

const WARM: Labels = Object.freeze({ operation: 'warm' })
const COLD: Labels = Object.freeze({ operation: 'cold' })

function timed(
  decide: (inbound: Inbound) => Decision | Promise<Decision>,
  meter: Meter,
): (inbound: Inbound) => Decision | Promise<Decision> {
  const latency = meter.createHistogram('service_auth_latency_seconds', { description: 'Time taken to decide a request', unit: 's' })
  return function decideTimed(inbound) {
    const startMs = performance.now()
    const decision = decide(inbound)
    if (!(decision instanceof Promise)) return observe(WARM, decision)
    return decision.then((cold) => observe(COLD, cold))

    function observe(labels: Labels, made: Decision): Decision {
      latency.record((performance.now() - startMs) / 1000, labels)
      return made
    }
  }
}

/**
 * A guard as it is, or one made of options: what every adapter takes.
 * @throws {MisuseError} as {@link createGuard}.
 */
export function toGuard(guard: GuardOptions | Guard): Guard {
  const given: unknown = guard
  if (typeof given !== 'object' || given === null)
    throw new MisuseError(
      'ERR_OPTION_INVALID',
      'guard',
      `takes a guard or the options of one, not ${kindOf(given)}: write createGuard({ … })`,
    )
  return 'decide' in guard ? guard : composeGuard(checkGuardOptions(guard))
}

/** A guard that looks at certificates alone has nothing to ask for in a challenge, but RFC 9110 §11.6.1 wants one with each 401. */
function challengesOf(tokens: TokenVerifier | null, apiKeys: ApiKeyVerifier | null): readonly Challenge[] {
  if (tokens === null) return [apiKeys === null ? BEARER_CHALLENGE : API_KEY_CHALLENGE]
  const accepted = tokens.challenges ?? [BEARER_CHALLENGE]
  return apiKeys === null ? accepted : [...accepted, API_KEY_CHALLENGE]
}
