import { FetchError, MisuseError, type Runtime } from '@countersign/core'
import { LRUCache } from 'lru-cache'
import type { CaCertificate } from '../certificate/ca-certificate.js'
import type { ReloadHooks } from '../trust/pem-setting.js'
import type { OcspSetting } from './check-revocation.js'
import { permittedUrl } from './evidence-url.js'
import { askResponder, OcspError } from './ocsp-exchange.js'
import type { OcspVerdict } from './ocsp-judgement.js'
import type { RevocationAnswer, RevocationSource, RevocationSubject, UnknownReason } from './revocation.js'

export interface OcspSource extends RevocationSource {
  /** Grows whenever answers may have changed. */
  readonly epoch: number
  /** Has a responder said so? Asks nobody. */
  isRevoked(subject: RevocationSubject, issuer: CaCertificate): boolean
  close(): void
}

export interface OcspSettings {
  readonly option: string
  readonly ocsp: OcspSetting
  readonly skewMs: number
  readonly rsaBits: number
  readonly hashBits: number
}

export interface OcspHooks extends ReloadHooks {
  readonly fetch: Runtime['fetch']
}

/** Twice the leaves that are remembered, since intermediates have answers too. 0.5 KB each. */
const MAX_ANSWERS = 20_000
/** What was revoked for good is kept until its certificate ends. A CA has thousands, of which few are still used. */
const MAX_REVOKED = 100_000
/** Questions under way. What is asked in the background leaves room for those that a caller waits for. */
const MAX_ASKING = 32
const MAX_ASKING_BEHIND = 16
const FIRST_BACKOFF_MS = 1_000
const MAX_BACKOFF_MS = 60_000
/** When so much of an answer's time has passed, a newer one is asked for, with some jitter so that a fleet does not ask together. */
const REFRESH_SHARE = 0.6
const JITTER_SHARE = 0.2
const MIN_REFRESH_MS = 5_000
const SWEEP_MS = 5_000
const UNKNOWN_MS = 60_000
/** RFC 5280 §5.3.1: the one revocation that may end. */
const CERTIFICATE_HOLD = 6

/** Of an answer, without the bytes that it came in. */
interface Kept {
  readonly status: 'good' | 'revoked' | 'unknown'
  readonly thisUpdateMs: number
  readonly untilMs: number
}

/** What is known of one certificate. */
interface Entry {
  readonly subject: RevocationSubject
  readonly issuer: CaCertificate
  verdict: Kept | null
  lookAgainMs: number
  askedAtMs: number
  failures: number
  /** Why the last question brought nothing. */
  failure: UnknownReason
  retryAtMs: number
  loading: Promise<void> | null
  /** Somebody did without it while it was fetched. */
  missed: boolean
}

/**
 * Answers of OCSP responders, kept for as long as they count and renewed in the background for certificates that are still asked about.
 * @see https://www.rfc-editor.org/rfc/rfc6960
 */
export function createOcspSource({ option, ocsp, ...settings }: OcspSettings, hooks: OcspHooks): OcspSource {
  const entries = new LRUCache<string, Entry>({ max: MAX_ANSWERS })
  /** When the certificate ends, by its key. */
  const revoked = new Map<string, number>()
  const closing = new AbortController()
  /** Failures in a row by host: those that are listed. */
  const downs = new Map<string, number>()
  let asking = 0
  let epoch = 0

  function urlsFor({ ocspUris }: RevocationSubject): readonly string[] {
    const { at } = ocsp
    return 'url' in at ? [at.url] : ocspUris.flatMap((uri) => permittedUrl(uri, at.hosts) ?? [])
  }

  function ask(subject: RevocationSubject, issuer: CaCertificate): RevocationAnswer {
    const key = keyOf(subject, issuer)
    if (revoked.has(key)) return { status: 'revoked' }
    if (urlsFor(subject).length === 0) {
      const named = subject.ocspUris.length > 0
      return { status: 'unknown', reason: named ? 'host' : 'no-source', hasSource: named }
    }
    const nowMs = hooks.nowMs()
    const entry = entries.get(key) ?? createEntry(key, subject, issuer)
    entry.askedAtMs = nowMs
    if (entry.loading !== null) entry.missed = true
    if (entry.verdict === null || nowMs >= entry.lookAgainMs) begin(key, entry, MAX_ASKING)
    return answerOf(entry)
  }

  function createEntry(key: string, subject: RevocationSubject, issuer: CaCertificate): Entry {
    const rest = { lookAgainMs: 0, askedAtMs: 0, failures: 0, failure: 'busy', retryAtMs: 0, loading: null, missed: false } as const
    // Whoever asks may be forgotten: its certificate is not kept alive by views of it.
    const own = { ...subject, issuerName: new Uint8Array(subject.issuerName), distributionPoints: null }
    const entry: Entry = { subject: own, issuer, verdict: null, ...rest }
    entries.set(key, entry)
    return entry
  }

  function answerOf({ verdict, failure, lookAgainMs }: Entry): RevocationAnswer {
    switch (verdict?.status) {
      case 'revoked':
        return { status: 'revoked' }
      case 'good':
        return { status: 'good', untilMs: verdict.untilMs, lookAgainMs }
      case 'unknown':
        return { status: 'unknown', reason: 'unknown-certificate', hasSource: true }
      case undefined:
        return { status: 'unknown', reason: failure, hasSource: true }
    }
  }

  function begin(key: string, entry: Entry, limit: number): void {
    if (entry.loading !== null || closing.signal.aborted || asking >= limit || hooks.nowMs() < entry.retryAtMs) return
    asking++
    entry.failure = 'unreachable'
    entry.loading = exchange(entry).then((outcome) => {
      asking--
      entry.loading = null
      if (typeof outcome === 'string') fail(entry, outcome)
      else accept(key, entry, outcome)
    })
  }

  function isCurrent({ verdict }: Entry): boolean {
    return verdict?.status === 'good' && hooks.nowMs() < verdict.untilMs
  }

  /** Never rejects. */
  async function exchange({ subject, issuer, failures }: Entry): Promise<OcspVerdict | UnknownReason> {
    const urls = urlsFor(subject)
    const url = urls[failures % urls.length] ?? ''
    const { host } = new URL(url)
    try {
      const verdict = await askResponder(url, subject, issuer, { ocsp, ...settings, ...hooks, signal: closing.signal })
      downs.delete(host)
      return verdict
    } catch (cause) {
      tell(host, cause)
      return cause instanceof OcspError ? cause.reason : 'unreachable'
    }
  }

  /** Told of at the first time, the second, the fourth: a responder that is down for a day is not a line for every certificate. */
  function tell(host: string, cause: unknown): void {
    const count = (downs.get(host) ?? 0) + 1
    downs.set(host, count)
    if (closing.signal.aborted || (count & (count - 1)) !== 0) return
    const text = cause instanceof FetchError ? cause.message : 'the exchange failed'
    hooks.onFailed(option, new MisuseError('ERR_TRUST_UNREADABLE', option, `${host} gives no answer that counts: ${text}`, cause))
  }

  function fail(entry: Entry, failure: UnknownReason): void {
    entry.failure = failure
    entry.retryAtMs = hooks.nowMs() + Math.min(FIRST_BACKOFF_MS * 2 ** entry.failures, MAX_BACKOFF_MS)
    entry.failures++
  }

  function accept(key: string, entry: Entry, verdict: OcspVerdict): void {
    const old = entry.verdict
    const { status, reason, thisUpdateMs } = verdict.answer
    // An answer from before the one that is held is a replay.
    if (old !== null && thisUpdateMs < old.thisUpdateMs) {
      fail(entry, 'unverified')
      return
    }
    // What was made of this certificate before is looked up again, unless nothing changed, or nothing was made of it yet.
    if (old !== null && old.status !== status) hooks.onReloaded(option, 1)
    else if (old === null ? status !== 'good' || entry.failures > 0 || entry.missed : !isCurrent(entry)) epoch++
    const nowMs = hooks.nowMs()
    entry.verdict = { status, thisUpdateMs, untilMs: verdict.untilMs }
    entry.failures = 0
    entry.retryAtMs = 0
    entry.missed = false
    const share = REFRESH_SHARE + Math.random() * JITTER_SHARE
    const turnMs = Math.max(MIN_REFRESH_MS, (verdict.untilMs - nowMs) * share)
    // A responder that does not know a certificate yet may know it soon, whatever it says of its next update.
    entry.lookAgainMs = nowMs + (status === 'unknown' ? Math.min(turnMs, UNKNOWN_MS) : turnMs)
    if (status === 'revoked' && reason !== CERTIFICATE_HOLD && roomForRevoked(nowMs)) {
      revoked.set(key, entry.subject.notAfterMs)
      entries.delete(key)
    }
  }

  // None is dropped for another. Without room the answer stays among the others, where it is asked for again if it has to go.
  function roomForRevoked(nowMs: number): boolean {
    if (revoked.size < MAX_REVOKED) return true
    for (const [key, notAfterMs] of revoked) if (notAfterMs + settings.skewMs + 1000 < nowMs) revoked.delete(key)
    return revoked.size < MAX_REVOKED
  }

  // Connections that are idle now are asked about when they are used again: their answers are renewed for one more turn.
  function sweep(): void {
    const nowMs = hooks.nowMs()
    for (const [key, entry] of entries.entries()) {
      if (nowMs < entry.lookAgainMs || nowMs < entry.retryAtMs) continue
      const turnMs = entry.verdict === null ? MAX_BACKOFF_MS : entry.verdict.untilMs - entry.verdict.thisUpdateMs
      if (nowMs - entry.askedAtMs < 2 * turnMs) begin(key, entry, MAX_ASKING_BEHIND)
    }
  }

  const timer = setInterval(sweep, SWEEP_MS)
  timer.unref()
  return {
    get epoch() {
      return epoch
    },
    ask,
    isRevoked(subject, issuer) {
      const key = keyOf(subject, issuer)
      return revoked.has(key) || entries.peek(key)?.verdict?.status === 'revoked'
    },
    pending: (subject, issuer) => entries.get(keyOf(subject, issuer))?.loading ?? null,
    close() {
      clearInterval(timer)
      closing.abort()
    },
  }
}

function keyOf({ serialNumber }: RevocationSubject, { fingerprint }: CaCertificate): string {
  return `${fingerprint} ${serialNumber}`
}
