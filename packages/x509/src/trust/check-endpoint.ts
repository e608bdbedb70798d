import { checkBoolean, checkChoice, checkInteger, checkKeys, joinPath, MisuseError, parseSpiffeId, type SpiffeId } from '@countersign/core'
import type { AnchorSetting } from '../check-options.js'
import { checkWhenUnavailable } from '../check-when-unavailable.js'
import { parseBundleUrl } from './bundle-url.js'

/** {@link BundleEndpointOptions}, checked and complete. */
export type EndpointSetting = {
  readonly option: string
  readonly trustDomain: string
  readonly url: URL
  readonly refreshSeconds: number | null
  readonly timeoutMs: number
  readonly followRedirects: boolean
  /** How long a bundle that could not be confirmed still counts. */
  readonly graceMs: number
} & (
  | { readonly profile: 'https_web' }
  | {
      readonly profile: 'https_spiffe'
      readonly server: SpiffeId
      readonly bundle: { readonly option: string; readonly file: string } | null
    }
)

const COMMON: readonly string[] = ['trustDomain', 'url', 'profile', 'refreshSeconds', 'timeoutMs', 'followRedirects', 'whenUnavailable']
export const ENDPOINT_KEYS: readonly string[] = [...COMMON, 'endpointSpiffeId', 'bundle']
const MAX_REFRESH_SECONDS = 86_400
const DEFAULT_TIMEOUT_MS = 5_000
const MAX_TIMEOUT_MS = 60_000
const DEFAULT_STALE_SECONDS = 86_400

/**
 * @param checkFile of a path.
 * @throws {MisuseError}
 */
export function checkEndpoint(
  option: string,
  options: Record<string, unknown>,
  trustDomain: string | null,
  checkFile: (option: string, path: unknown) => string,
): EndpointSetting {
  const at = (key: string): string => joinPath(option, key)
  const invalid = (key: string, fix: string): MisuseError => new MisuseError('ERR_OPTION_INVALID', at(key), fix)
  // SPIFFE Federation §5.1, §7.2: none of these may be inferred from another.
  const profile = checkChoice(at('profile'), options['profile'], ['https_web', 'https_spiffe'])
  checkKeys(option, options, profile === 'https_web' ? COMMON : ENDPOINT_KEYS)
  if (trustDomain === null)
    throw invalid('trustDomain', 'takes the trust domain whose bundle is fetched: the bundle does not say so itself')
  const url = parseBundleUrl(options['url'])
  if (url === null) throw invalid('url', 'takes an https URL without user name and password')
  const { refreshSeconds, timeoutMs = DEFAULT_TIMEOUT_MS, followRedirects = true, whenUnavailable } = options
  const common = {
    option,
    trustDomain,
    url,
    refreshSeconds: refreshSeconds === undefined ? null : checkInteger(at('refreshSeconds'), refreshSeconds, 1, MAX_REFRESH_SECONDS),
    timeoutMs: checkInteger(at('timeoutMs'), timeoutMs, 1, MAX_TIMEOUT_MS),
    followRedirects: checkBoolean(at('followRedirects'), followRedirects),
    graceMs: checkWhenUnavailable(at('whenUnavailable'), whenUnavailable ?? { staleSeconds: DEFAULT_STALE_SECONDS }, ['refuse']),
  }
  if (profile === 'https_web') return Object.freeze({ ...common, profile })
  const { endpointSpiffeId, bundle } = options
  const server = typeof endpointSpiffeId === 'string' ? parseSpiffeId(endpointSpiffeId) : null
  if (server === null || server.path === '')
    throw invalid('endpointSpiffeId', 'takes the SPIFFE ID of the endpoint, such as spiffe://prod.example/bundles')
  // §5.2.2.2: a self-serving endpoint is known by nothing but a first bundle.
  if (bundle === undefined && server.trustDomain === trustDomain)
    throw new MisuseError(
      'ERR_OPTION_MISSING',
      at('bundle'),
      "is missing: write bundle: 'first-bundle.json', by which the endpoint is known at first",
    )
  const file = bundle === undefined ? null : { option: at('bundle'), file: checkFile(at('bundle'), bundle) }
  return Object.freeze({ ...common, profile, server, bundle: file })
}

/** An endpoint that is known neither by its own bundle nor by a file, but by the bundle of another trust domain. */
export function needsServingDomain(setting: EndpointSetting): setting is Extract<EndpointSetting, { readonly profile: 'https_spiffe' }> {
  return setting.profile === 'https_spiffe' && setting.bundle === null
}

/**
 * Do the endpoints go together with the other anchors?
 * @throws {MisuseError} `ERR_OPTION_CONTRADICTION`
 */
export function checkEndpoints(option: string, anchors: readonly AnchorSetting[]): void {
  for (const setting of anchors) {
    if (!('url' in setting)) continue
    // What the endpoint withdraws must not stay because a file has it too.
    if (anchors.filter(({ trustDomain }) => trustDomain === setting.trustDomain || trustDomain === undefined).length > 1) {
      const fix = `names ${setting.trustDomain} twice: a trust domain with a bundle endpoint has no other anchors`
      throw new MisuseError('ERR_OPTION_CONTRADICTION', option, fix)
    }
    if (!needsServingDomain(setting)) continue
    const serving = anchors.filter(({ trustDomain }) => trustDomain === setting.server.trustDomain)
    // SPIFFE Federation §7.6 advises against longer chains; without them there are no circles either.
    if (serving.length > 0 && !serving.some((other) => 'url' in other && needsServingDomain(other))) continue
    const fix = `is served by ${setting.server.trustDomain}: add that trust domain to trust, by a file or an endpoint of its own, or write bundle: 'its-bundle.json'`
    throw new MisuseError('ERR_OPTION_CONTRADICTION', setting.option, fix)
  }
}
