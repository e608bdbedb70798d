import { createHash } from 'node:crypto'
import { FetchError, fetchBytes, MisuseError, type Runtime, type Validators } from '@countersign/core'
import { crlsOf } from './crl-file.js'
import type { ParsedCrl } from './read-crl.js'

export interface RemoteCrlSettings {
  /** Path of the option that named the URL or let its host in. */
  readonly option: string
  readonly url: string
  /** It is asked again at least this often. */
  readonly refreshMs: number
}

export interface RemoteCrlHooks {
  nowMs(): number
  readonly fetch: Runtime['fetch']
  /** How much it may hold. */
  maxBytes(): number
  /** Is it known that one of its issuers signed this CRL? */
  isProven(crl: ParsedCrl): boolean
  onChanged(count: number): void
  onFailed(error: unknown): void
}

/** The CRLs behind one URL. */
export interface RemoteCrl {
  readonly lists: readonly ParsedCrl[]
  readonly bytes: number
  /** What is fetched now. Never rejects. */
  readonly loading: Promise<void> | null
  /** Fetches it, unless that is being done or was just done. */
  load(): Promise<void>
  close(): void
}

/** A list of 64 MiB over a slow line. */
const TIMEOUT_MS = 30_000
// After an answer: whoever misses a list costs the authority one request in so long.
const COOLDOWN_MS = 10_000
// After a failure: doubled each time.
const FIRST_BACKOFF_MS = 1_000
const MAX_BACKOFF_MS = 60_000
const MIN_REFRESH_MS = 1_000
/** What a list says of its end counts for less where nobody known has signed it: it takes long to read, and may be forged to be read often. */
const MIN_UNPROVEN_MS = 60_000
/** A new list is fetched when so much of the old one's time has passed, and no later: the authority may publish early. */
const LIFETIME_SHARE = 0.9
/** So that a fleet does not ask in the same moment. */
const JITTER_SHARE = 0.1
/** Issuers and scopes behind one URL. */
const MAX_LISTS = 64
const ACCEPT = 'application/pkix-crl, application/x-pem-file'

/**
 * CRLs that are fetched, and fetched again in the background. An answer that cannot be read, that its issuer did not sign or that is
 * older than what is held changes nothing.
 */
export function createRemoteCrl({ option, url, refreshMs }: RemoteCrlSettings, hooks: RemoteCrlHooks): RemoteCrl {
  const held = new Map<string, ParsedCrl>()
  const closing = new AbortController()
  let validators: Validators = { etag: null, lastModified: null }
  let digest = ''
  let loading: Promise<void> | null = null
  let timer: NodeJS.Timeout | undefined
  let failures = 0
  let finishedAtMs = Number.NEGATIVE_INFINITY
  let waitMs = 0

  function load(): Promise<void> {
    if (loading !== null) return loading
    // A clock that was set back makes things old, not young.
    if (closing.signal.aborted || Math.abs(hooks.nowMs() - finishedAtMs) < waitMs) return Promise.resolve()
    clearTimeout(timer)
    loading = attempt().then(finish)
    return loading
  }

  function finish(): void {
    loading = null
    finishedAtMs = hooks.nowMs()
    waitMs = failures === 0 ? COOLDOWN_MS : Math.min(FIRST_BACKOFF_MS * 2 ** (failures - 1), MAX_BACKOFF_MS)
    if (closing.signal.aborted) return
    const delayMs = failures === 0 ? refreshDelayMs() : waitMs
    timer = setTimeout(() => {
      waitMs = 0
      void load()
    }, delayMs)
    timer.unref()
  }

  function refreshDelayMs(): number {
    const nowMs = hooks.nowMs()
    const ends = [...held.values()].map((crl) => {
      const endMs = crl.thisUpdateMs + (crl.nextUpdateMs - crl.thisUpdateMs) * LIFETIME_SHARE - nowMs
      return hooks.isProven(crl) || endMs <= 0 ? endMs : Math.max(endMs, MIN_UNPROVEN_MS)
    })
    // Past its time although it is the newest: asked again as if it had failed to answer.
    const soonest = Math.min(refreshMs, ...ends.map((endMs) => (endMs > 0 ? endMs : MAX_BACKOFF_MS)))
    return Math.max(MIN_REFRESH_MS, soonest * (1 - Math.random() * JITTER_SHARE))
  }

  async function attempt(): Promise<void> {
    try {
      const answer = await fetchBytes(
        {
          server: 'it',
          url,
          accept: ACCEPT,
          maxBytes: hooks.maxBytes(),
          timeoutMs: TIMEOUT_MS,
          signal: closing.signal,
          ...(isWorthKeeping() ? { known: validators } : {}),
        },
        hooks.fetch,
      )
      if (answer.bytes !== null) accept(answer.bytes)
      validators = answer
      failures = 0
    } catch (cause) {
      failures++
      // Told of at the first time, the second, the fourth: an authority that is down for a day is not a line every second.
      if (!closing.signal.aborted && (failures & (failures - 1)) === 0) hooks.onFailed(cause instanceof MisuseError ? cause : failed(cause))
    }
  }

  // Whoever forged what is held may have given it the tag of the real one, which would then never be sent.
  function isWorthKeeping(): boolean {
    return held.size > 0 && [...held.values()].every((crl) => hooks.isProven(crl))
  }

  function failed(cause: unknown): MisuseError {
    const reason = cause instanceof FetchError ? cause.message : 'the answer cannot be read'
    return new MisuseError('ERR_TRUST_UNREADABLE', option, `${new URL(url).host} gives no CRL: ${reason}`, cause)
  }

  function accept(body: Uint8Array): void {
    const seen = createHash('sha256').update(body).digest('base64')
    if (seen === digest) return
    const crls = crlsOf(option, new URL(url).host, body)
    const kept = crls.filter(isNewer)
    // What no issuer known here has signed stays no longer than the answer that it came in: whoever stands in between could fill the room.
    if (kept.length > 0) for (const [key, crl] of held) if (!hooks.isProven(crl)) held.delete(key)
    for (const crl of kept) {
      held.delete(keyOf(crl))
      if (held.size < MAX_LISTS) held.set(keyOf(crl), crl)
    }
    if (kept.length > 0) hooks.onChanged(held.size)
    // Something in it was refused: asked for again, and told of.
    if (kept.length < crls.length) throw new FetchError('a CRL in it is forged, or older than the one in use')
    digest = seen
  }

  // RFC 5280 §5.2.3: the number of a list never falls. What no issuer known here has signed never takes the place of what one has.
  function isNewer(crl: ParsedCrl): boolean {
    const old = held.get(keyOf(crl))
    if (old === undefined || !hooks.isProven(old)) return true
    if (!hooks.isProven(crl) || crl.thisUpdateMs < old.thisUpdateMs) return false
    return crl.number === null || old.number === null || crl.number >= old.number
  }

  return {
    get lists() {
      return [...held.values()]
    },
    get bytes() {
      return [...held.values()].reduce((sum, { signed }) => sum + signed.length, 0)
    },
    get loading() {
      return loading
    },
    load,
    close() {
      clearTimeout(timer)
      closing.abort()
    },
  }
}

function keyOf({ issuerKey, scope, deltaBase }: ParsedCrl): string {
  return `${deltaBase === null ? 'complete' : 'delta'} ${scope.text} ${issuerKey}`
}
