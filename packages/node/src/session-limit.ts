import { constants, type Http2SecureServer, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import type { Guard } from '@countersign/guard'
import { isDenied } from './carry-out.js'
import { transportAddressOf } from './transport-address.js'

/** Streams that end in an error, pings and settings: one session may have so many a second, and so many at once. */
const NUISANCES_PER_SECOND = 50
const NUISANCE_BURST = 500
/** A session without open streams is closed after this. */
const IDLE_TIMEOUT_MS = 60_000
/** A denial is less than a kilobyte: a client that has not taken it after one to two of these does not mean to. */
const STALL_INTERVAL_MS = 30_000

export interface SessionLimits {
  readonly idleTimeoutMs: number
  readonly stallIntervalMs: number
}

/**
 * Bounds what a session can make a server do or hold for nothing: rapid resets (CVE-2023-44487), resets it provokes from the server
 * itself (CVE-2025-8671), floods of pings and settings (CVE-2019-9512, -9515), denials that are never read (as in CVE-2019-9517),
 * sitting idle. A session that is a nuisance is destroyed with ENHANCE_YOUR_CALM (RFC 9113 §7), and the work for its streams is aborted.
 */
export function limitSessions(
  server: Http2SecureServer,
  guard: Pick<Guard, 'report'>,
  { idleTimeoutMs, stallIntervalMs }: SessionLimits = { idleTimeoutMs: IDLE_TIMEOUT_MS, stallIntervalMs: STALL_INTERVAL_MS },
): void {
  const open = new Map<ServerHttp2Stream, Seen>()
  server.on('session', (session: ServerHttp2Session) => limitSession(session, guard, open, idleTimeoutMs))
  const timer = setInterval(() => dropStalled(open), stallIntervalMs).unref()
  server.once('close', () => clearInterval(timer))
}

function limitSession(
  session: ServerHttp2Session,
  guard: Pick<Guard, 'report'>,
  open: Map<ServerHttp2Stream, Seen>,
  idleTimeoutMs: number,
): void {
  let drainedAtMs = 0
  let openStreams = 0

  function charge(): void {
    const nowMs = performance.now()
    drainedAtMs = Math.max(drainedAtMs, nowMs) + 1000 / NUISANCES_PER_SECOND
    if (drainedAtMs - nowMs <= (NUISANCE_BURST * 1000) / NUISANCES_PER_SECOND || session.destroyed) return
    const { remoteAddress } = transportAddressOf(session.socket)
    session.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM)
    guard.report({
      kind: 'request.denied',
      severity: 'warn',
      code: 'ERR_QUOTA_EXCEEDED',
      message: 'an HTTP/2 session was ended: too many resets, pings or settings',
      facts: { remoteAddress },
    })
  }

  session.on('ping', charge)
  session.on('remoteSettings', charge)
  session.on('stream', (stream: ServerHttp2Stream) => {
    openStreams++
    open.set(stream, 'open')
    stream.once('close', () => {
      openStreams--
      open.delete(stream)
      if (stream.rstCode !== constants.NGHTTP2_NO_ERROR) charge()
    })
  })
  session.setTimeout(idleTimeoutMs, () => {
    if (openStreams === 0) session.close()
  })
}

type Seen = 'open' | 'denied'

// Only denials: how fast a client may read what it was let in for is the service's to say.
function dropStalled(open: Map<ServerHttp2Stream, Seen>): void {
  for (const [stream, seen] of open) {
    if (!isDenied(stream)) continue
    if (seen === 'denied') stream.close(constants.NGHTTP2_CANCEL)
    else open.set(stream, 'denied')
  }
}
