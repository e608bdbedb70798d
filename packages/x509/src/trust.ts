import type { Source, TrustBundle } from '@countersign/core'
import { LRUCache } from 'lru-cache'
import { type AnchorSet, createAnchorSet } from './anchor-set.js'
import { CaCertificate } from './ca-certificate.js'
import type { AnchorSetting, TrustSetting } from './check-options.js'
import { type ReloadHooks, readPemSetting } from './pem-setting.js'
import { readCertificate } from './read-certificate.js'

/** Who vouches for whom, now. */
export interface Trust {
  readonly epoch: number
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

export function createTrust(setting: TrustSetting, hooks: ReloadHooks): Trust {
  return 'source' in setting ? trustFromSource(setting.source) : trustFromAnchors(setting.anchors, hooks)
}

function trustFromAnchors(settings: readonly AnchorSetting[], hooks: ReloadHooks): Trust {
  const entries = settings.map((setting) => ({
    trustDomain: setting.trustDomain,
    setting,
    file: 'file' in setting ? setting.file : null,
    source: readPemSetting(setting, 'anchors', hooks),
  }))
  const epochOf = (): number => entries.reduce((sum, { source }) => sum + source.epoch, 0)
  let view = viewOf(epochOf())

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
    get epoch() {
      return epochOf()
    },
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
    ready: async () => {},
    close() {
      for (const { source } of entries) source.close()
    },
    toString() {
      const names = entries.map(({ trustDomain, file }) => (trustDomain === undefined ? file : (trustDomain ?? 'plain names')))
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
    get epoch() {
      return source.epoch
    },
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
