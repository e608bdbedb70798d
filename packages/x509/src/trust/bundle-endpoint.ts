import { FetchError, MisuseError, type Runtime, withDeadline } from '@countersign/core'
import type { CaCertificate } from '../certificate/ca-certificate.js'
import type { PathRules } from '../path/check-path.js'
import { exchangeBundle } from './bundle-exchange.js'
import { refreshMs, waitMs } from './bundle-schedule.js'
import { verifyBundleServer } from './bundle-server.js'
import type { EndpointSetting } from './check-endpoint.js'
import { fetchBundleSpiffe } from './fetch-bundle-spiffe.js'
import { fetchBundleWeb } from './fetch-bundle-web.js'
import type { FileSource } from './file-source.js'
import { type AuthorityFile, type ReloadHooks, watchAuthorities } from './pem-setting.js'
import { MAX_BUNDLE_BYTES, readBundle, readDocument } from './read-bundle.js'

/** The anchors of one trust domain, as its bundle endpoint gives them. */
export interface BundleEndpoint extends FileSource<readonly CaCertificate[]> {
  /** The latest, out of date or not: good enough to know the endpoint by, not to vouch for callers. */
  readonly latest: readonly CaCertificate[]
  /** Begins, if it has not yet. Resolves when the first attempt is over, whatever came of it. */
  attempted(): Promise<void>
  ready(): Promise<void>
}

export interface EndpointNetwork {
  readonly fetch: Runtime['fetch']
  /** What the certificate of a server must be like. */
  rules(): PathRules
}

/** The anchors of a trust domain that serves the bundle of another. */
export interface ServingDomain {
  readonly anchors: readonly CaCertificate[]
  attempted(): Promise<void>
}

/**
 * Asks a bundle endpoint now and again, as often as its bundle says. The bundle in use is replaced whole; one that is older by its
 * sequence number is refused; one that could not be confirmed for too long vouches for nobody any more.
 *
 * @param serving of the endpoint's SPIFFE ID, where neither the bundle itself nor a file is for it.
 */
export function createBundleEndpoint(
  setting: EndpointSetting,
  hooks: ReloadHooks,
  network: EndpointNetwork,
  serving: () => ServingDomain | null,
): BundleEndpoint {
  const { option, trustDomain, url, timeoutMs, graceMs } = setting
  const isSelfServing = setting.profile === 'https_spiffe' && setting.server.trustDomain === trustDomain
  const seed = openSeed()
  const closing = new AbortController()
  const deadline = { server: 'the endpoint', timeoutMs, signal: closing.signal }
  // Before the first answer it is not in use, but no answer may be older.
  let current: AuthorityFile | null = isSelfServing ? (seed?.value ?? null) : null
  let confirmedAtMs: number | null = null
  let intervalMs = refreshMs(setting.refreshSeconds, null)
  let epoch = 0
  let isLive = false
  let failures = 0
  let failure: unknown
  let loading: Promise<void> | null = null
  let first: Promise<void> | null = null
  let timer: NodeJS.Timeout | undefined

  // SPIFFE Federation §4.2: what the operator changes here is the latest until the endpoint gives another.
  function openSeed(): FileSource<AuthorityFile> | null {
    if (setting.profile !== 'https_spiffe' || setting.bundle === null) return null
    const { bundle, server } = setting
    return watchAuthorities({ ...bundle, trustDomain: server.trustDomain }, 'anchors', hooks, (value) => {
      if (isSelfServing) {
        current = value
        if (confirmedAtMs !== null) confirmedAtMs = hooks.nowMs()
        epoch++
      }
      hooks.onReloaded(bundle.option, value.authorities.length)
      void load()
    })
  }

  /** Does the bundle vouch for anybody now? Asked on every request, so no timer has to be in time. */
  function settle(): boolean {
    // A clock that was set back makes it old, not young. Written so that a NaN refuses.
    const isFresh = confirmedAtMs !== null && Math.abs(hooks.nowMs() - confirmedAtMs) < intervalMs + timeoutMs + graceMs
    if (isFresh === isLive) return isLive
    isLive = isFresh
    epoch++
    if (!isLive) hooks.onFailed(option, new FetchError('the endpoint could not be asked for too long: its bundle is not used any more'))
    return isLive
  }

  function load(): Promise<void> {
    loading ??= attempt().finally(() => {
      loading = null
      clearTimeout(timer)
      if (closing.signal.aborted) return
      timer = setTimeout(load, waitMs(intervalMs, failures, confirmedAtMs !== null))
      timer.unref()
    })
    return loading
  }

  async function attempt(): Promise<void> {
    try {
      await serving()?.attempted()
      if (closing.signal.aborted) return
      // The bundle is as old as the question, not as the answer.
      const askedAtMs = hooks.nowMs()
      const before = current
      const body = await withDeadline(deadline, (signal) => exchangeBundle(url, setting.followRedirects, ask, signal))
      if (closing.signal.aborted) return
      // What was asked for before the operator changed the bundle is not the refresh that may replace it.
      if (current !== before) return attempt()
      accept(body, askedAtMs)
      failures = 0
    } catch (error) {
      failures++
      failure = error
      if (!closing.signal.aborted) hooks.onFailed(option, error)
    }
  }

  function ask(at: URL, signal: AbortSignal) {
    if (setting.profile === 'https_web') return fetchBundleWeb(at, network.fetch, signal)
    const { text: spiffeId } = setting.server
    // §5.2.2.4: the latest bundle of the endpoint's own trust domain.
    const anchors = () => (isSelfServing ? current?.authorities : (seed?.value.authorities ?? serving()?.anchors)) ?? []
    return fetchBundleSpiffe(at, (chain) => verifyBundleServer(chain, { spiffeId, anchors: anchors(), rules: network.rules() }), signal)
  }

  function accept(body: Uint8Array, askedAtMs: number): void {
    const document = readDocument(body, MAX_BUNDLE_BYTES)
    const bundle = typeof document === 'string' ? document : readBundle(document)
    if (typeof bundle === 'string') throw new FetchError(`the answer holds ${bundle}`)
    // Trust Domain and Bundle §4.1.1: whoever sends an older one would bring keys back that were withdrawn.
    if (isOlder(bundle, current)) throw new FetchError('the bundle is older than the one in use')
    const wasLive = settle()
    const isNew = !wasLive || current === null || !sameAuthorities(bundle, current)
    current = bundle
    confirmedAtMs = askedAtMs
    intervalMs = refreshMs(setting.refreshSeconds, bundle.refreshHintSeconds)
    if (!isNew) return
    isLive = true
    epoch++
    hooks.onReloaded(option, bundle.authorities.length)
  }

  return {
    get value() {
      return settle() ? (current?.authorities ?? []) : []
    },
    get epoch() {
      settle()
      return epoch
    },
    get latest() {
      return current?.authorities ?? []
    },
    attempted() {
      first ??= load()
      return first
    },
    reload() {
      const changed = seed?.reload() ?? false
      void load()
      return changed
    },
    async ready() {
      if (confirmedAtMs === null && !closing.signal.aborted) await load()
      if (confirmedAtMs !== null) return
      const reason = failure instanceof Error ? failure.message : 'it was closed'
      throw new MisuseError(
        'ERR_TRUST_UNREADABLE',
        option,
        `cannot fetch the bundle of ${trustDomain} from ${url.origin}${url.pathname}: ${reason}`,
        failure,
      )
    },
    close() {
      closing.abort()
      clearTimeout(timer)
      seed?.close()
    },
  }
}

function isOlder({ sequence }: AuthorityFile, current: AuthorityFile | null): boolean {
  return sequence !== null && current !== null && current.sequence !== null && sequence < current.sequence
}

function sameAuthorities(a: AuthorityFile, b: AuthorityFile): boolean {
  const known = new Set(b.authorities.map((authority) => authority.fingerprint))
  return (
    new Set(a.authorities.map((authority) => authority.fingerprint)).size === known.size &&
    a.authorities.every((one) => known.has(one.fingerprint))
  )
}
