import type { Source, TrustBundle } from '@countersign/core'
import { LRUCache } from 'lru-cache'
import { CaCertificate } from '../certificate/ca-certificate.js'
import { readCertificate } from '../certificate/read-certificate.js'
import type { AnchorSetting, TrustSetting } from '../check-options.js'
import { type AnchorSet, createAnchorSet } from '../path/anchor-set.js'
import { type BundleEndpoint, createBundleEndpoint, type EndpointNetwork, type ServingDomain } from './bundle-endpoint.js'
import { type EndpointSetting, needsServingDomain } from './check-endpoint.js'
import type { FileSource } from './file-source.js'
import { type ReloadHooks, readPemSetting } from './pem-setting.js'

/** Who vouches for whom, now. */
export interface Trust {
  /** What changes without telling `hooks.onReloaded`: its epochs are read on every request. */
  readonly moving: readonly { readonly epoch: number }[]
  /** Anchors of a trust domain; `null` where nobody vouches for it. */
  forDomain(trustDomain: string): AnchorSet | null
  /** Anchors for names that are no SPIFFE IDs. */
  forNames(): AnchorSet | null
  /** Which of several settings an anchor is there by, for names of a trust domain; `null`: that of a source, or of nobody any more. */
  settingOf(fingerprint: string, trustDomain: string | null): AnchorSetting | null
  /** All that are known: of a source, those that it was asked for. */
  all(): AnchorSet
  /** Nobody but {@link all} vouches for anybody. A source cannot be asked that. */
  readonly isComplete: boolean
  reload(): boolean
  ready(): Promise<void>
  close(): void
  toString(): string
}

/** Trust domains whose bundle a source has given: a mesh federates with tens. Only what the source knows gets in. */
const MAX_BUNDLES = 1_000

/** @throws {MisuseError} `ERR_TRUST_UNREADABLE`, naming the option. */
export function createTrust(setting: TrustSetting, hooks: ReloadHooks, network: EndpointNetwork): Trust {
  return 'source' in setting ? trustFromSource(setting.source) : trustFromAnchors(setting.anchors, hooks, network)
}

/** Anchors of one setting. Those of another are never among them. */
interface Entry {
  readonly trustDomain: string | null | undefined
  /** For people: a trust domain, or the file. */
  readonly name: string
  readonly source: FileSource<readonly CaCertificate[]>
  readonly endpoint: BundleEndpoint | null
  readonly setting: AnchorSetting
}

function trustFromAnchors(settings: readonly AnchorSetting[], hooks: ReloadHooks, network: EndpointNetwork): Trust {
  const entries: Entry[] = []
  try {
    for (const setting of settings) entries.push(openEntry(setting))
  } catch (error) {
    for (const { source } of entries) source.close()
    throw error
  }
  const endpoints = entries.flatMap(({ endpoint }) => endpoint ?? [])

  function openEntry(setting: AnchorSetting): Entry {
    if ('url' in setting) {
      const endpoint = createBundleEndpoint(setting, hooks, network, () => servingDomain(setting))
      return { trustDomain: setting.trustDomain, name: setting.trustDomain, source: endpoint, endpoint, setting }
    }
    const { trustDomain } = setting
    const file = 'file' in setting ? setting.file : 'PEM'
    const name = trustDomain === undefined ? file : (trustDomain ?? 'plain names')
    return { trustDomain, name, source: readPemSetting(setting, 'anchors', hooks), endpoint: null, setting }
  }

  // SPIFFE Federation §5.2.2.4: an endpoint of another trust domain is known by the latest bundle of that domain.
  function servingDomain(setting: EndpointSetting): ServingDomain | null {
    if (!needsServingDomain(setting)) return null
    const serving = entries.filter(({ trustDomain }) => trustDomain === setting.server.trustDomain)
    return {
      get anchors() {
        return serving.flatMap(({ source, endpoint }) => endpoint?.latest ?? source.value)
      },
      attempted: async () => {
        for (const { endpoint } of serving) await endpoint?.attempted()
      },
    }
  }

  const epochOf = (): number => entries.reduce((sum, { source }) => sum + source.epoch, 0)
  let view = viewOf(epochOf())
  for (const endpoint of endpoints) void endpoint.attempted()

  function viewOf(epoch: number) {
    const select = (includes: (trustDomain: string | null | undefined) => boolean): AnchorSet | null => {
      const chosen = entries.filter(({ trustDomain }) => includes(trustDomain))
      return chosen.length === 0 ? null : createAnchorSet(chosen.flatMap(({ source }) => source.value))
    }
    // With `undefined` the anchors vouch for every name.
    const domains = new Set(entries.flatMap(({ trustDomain }) => trustDomain ?? []))
    return {
      epoch,
      all: createAnchorSet(entries.flatMap(({ source }) => source.value)),
      names: select((trustDomain) => trustDomain === null || trustDomain === undefined),
      domains: new Map(
        [...domains].map((domain) => [domain, select((trustDomain) => trustDomain === domain || trustDomain === undefined)]),
      ),
      other: select((trustDomain) => trustDomain === undefined),
    }
  }

  function current(): typeof view {
    const epoch = epochOf()
    if (view.epoch !== epoch) view = viewOf(epoch)
    return view
  }

  return {
    moving: endpoints,
    forDomain: (trustDomain) => current().domains.get(trustDomain) ?? current().other,
    forNames: () => current().names,
    settingOf(fingerprint, trustDomain) {
      const holding = entries.filter(({ source }) => source.value.some((anchor) => anchor.fingerprint === fingerprint))
      const own = holding.find((entry) => entry.trustDomain === trustDomain)
      return (own ?? holding.find((entry) => entry.trustDomain === undefined || entry.trustDomain === null) ?? holding[0])?.setting ?? null
    },
    all: () => current().all,
    isComplete: true,
    reload: () => entries.map(({ source }) => source.reload()).includes(true),
    async ready() {
      await Promise.all(endpoints.map((endpoint) => endpoint.ready()))
    },
    close() {
      for (const { source } of entries) source.close()
    },
    toString() {
      const names = entries.map(({ name }) => name)
      const { length } = current().all.anchors
      return `${[...new Set(names)].join(', ')} (${length} ${length === 1 ? 'anchor' : 'anchors'})`
    },
  }
}

/** Key under which a source gives the anchors of names that are no SPIFFE IDs. */
const PLAIN = ''

function trustFromSource(source: Source<TrustBundle>): Trust {
  const sets = new LRUCache<string, { readonly bundle: TrustBundle; readonly set: AnchorSet }>({ max: MAX_BUNDLES })

  function setFor(key: string): AnchorSet | null {
    const bundle = source.get(key)
    // A bundle says itself for whom it vouches: one for another trust domain is no answer, nor is what is no bundle.
    if (!Array.isArray(bundle?.anchors) || (bundle.trustDomain ?? PLAIN) !== key) {
      sets.delete(key)
      return null
    }
    const known = sets.get(key)
    if (known?.bundle === bundle) return known.set
    const set = createAnchorSet(bundle.anchors.flatMap(authorityFrom))
    sets.set(key, { bundle, set })
    return set
  }

  return {
    moving: [source],
    forDomain: setFor,
    forNames: () => setFor(PLAIN),
    settingOf: () => null,
    all() {
      setFor(PLAIN)
      return createAnchorSet([...sets.keys()].flatMap((key) => setFor(key)?.anchors ?? []))
    },
    isComplete: false,
    reload: () => false,
    ready: async () => source.ready?.(),
    close() {},
    toString: () => 'a source of bundles',
  }
}

/** Others' bundles are taken as they are: what is no CA certificate in them vouches for nobody. */
function authorityFrom(der: Uint8Array): CaCertificate[] {
  const certificate = readCertificate(der)
  return typeof certificate === 'string' || !certificate.extensions.isCa ? [] : [new CaCertificate(certificate)]
}
