import { RefusedError, type Runtime, type Source } from '@countersign/core'
import { urisOfPoint } from '../certificate/distribution-point.js'
import { createFileSource } from '../trust/file-source.js'
import type { ReloadHooks } from '../trust/pem-setting.js'
import { crlsOf, readCrls } from './crl-file.js'
import { permittedUrl } from './evidence-url.js'
import { MAX_CRL_BYTES, type ParsedCrl } from './read-crl.js'
import { createRemoteCrl, type RemoteCrl } from './remote-crl.js'
import type { RevocationSubject, UnknownReason } from './revocation.js'

/** CRLs by their issuer, as they are now. */
export interface CrlLists {
  of(issuerKey: string): readonly ParsedCrl[]
  /** Why there may be no list for this certificate. Begins to fetch what can be fetched. */
  missing(subject: RevocationSubject): UnknownReason
  /** Should there be a list for this certificate, although none is held? */
  expected(subject: RevocationSubject): boolean
  pending(subject: RevocationSubject): Promise<unknown> | null
  reload(): boolean
  ready(): Promise<void>
  close(): void
}

export interface ListHooks extends ReloadHooks {
  readonly fetch: Runtime['fetch']
  isProven(crl: ParsedCrl): boolean
}

const EXTENSIONS = ['.crl', '.pem', '.der']
const NONE: readonly ParsedCrl[] = Object.freeze([])

export function listsFromFiles(option: string, paths: readonly string[], hooks: ListHooks): CrlLists {
  const source = createFileSource({
    option,
    errorCode: 'ERR_TRUST_UNREADABLE',
    paths,
    extensions: EXTENSIONS,
    maxBytes: MAX_CRL_BYTES,
    intervalMs: hooks.intervalMs,
    parse: (files) => byIssuer(files.flatMap(({ path, bytes }) => crlsOf(option, path, bytes))),
    onReloaded: (crls) => hooks.onReloaded(option.replace(/\.files$/, ''), [...crls.values()].flat().length),
    onFailed: (error) => hooks.onFailed(option, error),
  })
  return {
    of: (issuerKey) => source.value.get(issuerKey) ?? NONE,
    missing: () => 'no-crl',
    expected: () => false,
    pending: () => null,
    reload: source.reload,
    ready: async () => {},
    close: source.close,
  }
}

/** What somebody else keeps, read whenever its epoch changed. What cannot be read is reported, and the old lists stay in use. */
export function listsFromSource(option: string, source: Source<readonly Uint8Array[]>, hooks: ListHooks): CrlLists {
  const read = (): ReadonlyMap<string, readonly ParsedCrl[]> => byIssuer(readCrls(option, 'the source', source.get('') ?? []))
  let value = read()
  let { epoch } = source

  function reload(): boolean {
    if (source.epoch === epoch) return false
    epoch = source.epoch
    try {
      value = read()
      return true
    } catch (error) {
      hooks.onFailed(option, error)
      return false
    }
  }

  return {
    of(issuerKey) {
      reload()
      return value.get(issuerKey) ?? NONE
    },
    missing: () => 'no-crl',
    expected: () => false,
    pending: () => null,
    reload,
    ready: async () => source.ready?.(),
    close() {},
  }
}

/** Distribution points that are followed: a CA has one, or some tens of shards. Each host has its share of them. */
const MAX_POINTS = 256
/** Of one host, however many are listed. */
const MIN_SHARE = 16
/** All lists that certificates point to, together. */
const MAX_HELD_BYTES = 4 * MAX_CRL_BYTES

export interface RemoteSetting {
  readonly refreshMs: number
  readonly urls: readonly string[]
  /** Hosts whose lists are fetched where a certificate points to them; `null`: no others than `urls`. */
  readonly hosts: ReadonlySet<string> | null
  /** Is a service without its lists ready? */
  readonly optional: boolean
}

export function listsFromUrls(option: string, { urls, hosts, refreshMs, optional }: RemoteSetting, hooks: ListHooks): CrlLists {
  const remotes = new Map<string, RemoteCrl>()
  const share = Math.max(MIN_SHARE, Math.floor(MAX_POINTS / Math.max(1, hosts?.size ?? 0)))
  let index: ReadonlyMap<string, readonly ParsedCrl[]> = new Map()
  for (const [i, url] of urls.entries()) void open(`${option}.urls[${i}]`, url).load()

  function open(named: string, url: string): RemoteCrl {
    const remote = createRemoteCrl(
      { option: named, url, refreshMs },
      {
        nowMs: hooks.nowMs,
        fetch: hooks.fetch,
        maxBytes: () =>
          Math.min(MAX_CRL_BYTES, MAX_HELD_BYTES - [...remotes.values()].reduce((sum, one) => sum + one.bytes, 0) + remote.bytes),
        isProven: hooks.isProven,
        onChanged(count) {
          index = byIssuer([...remotes.values()].flatMap(({ lists }) => lists))
          hooks.onReloaded(named, count)
        },
        onFailed: (error) => hooks.onFailed(named, error),
      },
    )
    remotes.set(url, remote)
    return remote
  }

  /** The places of each point that may be fetched. */
  function permittedPoints({ distributionPoints }: RevocationSubject): readonly (readonly string[])[] {
    if (hosts === null) return []
    return (distributionPoints ?? [])
      .map((point) => urisOfPoint(point).flatMap((uri) => permittedUrl(uri, hosts) ?? []))
      .filter((urls) => urls.length > 0)
  }

  /** The lists that the certificate points to, of each point the first that may be fetched; opened if they are not yet. */
  function pointedTo(subject: RevocationSubject): readonly RemoteCrl[] {
    return permittedPoints(subject).flatMap((urls) => {
      const loaded = urls.map((url) => remotes.get(url)).find((remote) => remote !== undefined && remote.lists.length > 0)
      const [first = ''] = urls
      return loaded ?? remotes.get(first) ?? (hasRoomFor(first) ? open(`${option}.distributionPoints`, first) : [])
    })
  }

  // Whoever signs certificates for one trust domain must not use up the room for the lists of another. What gave no list makes room.
  function hasRoomFor(url: string): boolean {
    const { host } = new URL(url)
    const neighbours = [...remotes].filter(([other]) => new URL(other).host === host)
    if (neighbours.length < share) return true
    const [useless] = neighbours.filter(([, { lists, loading }]) => lists.length === 0 && loading === null)
    if (useless === undefined) return false
    useless[1].close()
    return remotes.delete(useless[0])
  }

  return {
    of: (issuerKey) => index.get(issuerKey) ?? NONE,
    missing(subject) {
      if (hosts === null) {
        for (const remote of remotes.values()) void remote.load()
        return [...remotes.values()].some(({ lists }) => lists.length === 0) ? 'unreachable' : 'no-crl'
      }
      if (subject.distributionPoints === null) return 'no-source'
      const pointed = pointedTo(subject)
      for (const remote of pointed) void remote.load()
      if (pointed.length > 0) return pointed.some(({ lists }) => lists.length === 0) ? 'unreachable' : 'no-crl'
      return permittedPoints(subject).length === 0 ? 'host' : 'busy'
    },
    expected: ({ distributionPoints }) =>
      hosts === null ? [...remotes.values()].some(({ lists }) => lists.length === 0) : distributionPoints !== null,
    pending(subject) {
      const wanted = hosts === null ? [...remotes.values()].filter(({ lists }) => lists.length === 0) : pointedTo(subject)
      const loading = wanted.flatMap((remote) => remote.loading ?? [])
      return loading.length === 0 ? null : Promise.all(loading)
    },
    reload() {
      for (const remote of remotes.values()) void remote.load()
      return false
    },
    async ready() {
      await Promise.all([...remotes.values()].map((remote) => remote.load()))
      const absent = urls.find((url) => remotes.get(url)?.lists.length === 0)
      if (absent === undefined || optional) return
      throw new RefusedError('ERR_PEER_REVOCATION_UNKNOWN', `The CRL could not be fetched from ${absent}`)
    },
    close() {
      for (const remote of remotes.values()) remote.close()
    },
  }
}

function byIssuer(crls: readonly ParsedCrl[]): ReadonlyMap<string, readonly ParsedCrl[]> {
  const map = new Map<string, ParsedCrl[]>()
  for (const crl of crls) map.set(crl.issuerKey, [...(map.get(crl.issuerKey) ?? []), crl])
  return map
}
