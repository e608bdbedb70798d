import { constants, type Http2SecureServer, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import type { Guard } from '@countersign/guard'

/** Streams that end in an error, pings and settings: one session may have so many a second, and so many at once. */
const NUISANCES_PER_SECOND = 50
const NUISANCE_BURST = 500
/** A session without open streams is closed after this. */
const IDLE_TIMEOUT_MS = 60_000
/** A finished answer of which the client took nothing for so long is dropped. */
const STALL_INTERVAL_MS = 30_000

export interface SessionLimits {
  readonly idleTimeoutMs: number
  readonly stallIntervalMs: number
}

/**
 * Bounds what a session can make a server do or hold for nothing: rapid resets (CVE-2023-44487), resets it provokes from the server
 * itself (CVE-2025-8671), floods of pings and settings (CVE-2019-9512, -9515), answers that are never read (CVE-2019-9517), sitting
 * idle. A session that is a nuisance is destroyed with ENHANCE_YOUR_CALM (RFC 9113 §7), and the work for its streams is aborted.
 */
export function limitSessions(
  server: Http2SecureServer,
  guard: Pick<Guard, 'report'>,
  { idleTimeoutMs, stallIntervalMs }: SessionLimits = { idleTimeoutMs: IDLE_TIMEOUT_MS, stallIntervalMs: STALL_INTERVAL_MS },
): void {
  const pendingBytes = new Map<ServerHttp2Stream, number | null>()
  server.on('session', (session: ServerHttp2Session) => limitSession(session, guard, pendingBytes, idleTimeoutMs))
  const timer = setInterval(() => dropStalled(pendingBytes), stallIntervalMs).unref()
  server.once('close', () => clearInterval(timer))
}

function limitSession(
  session: ServerHttp2Session,
  guard: Pick<Guard, 'report'>,
  pendingBytes: Map<ServerHttp2Stream, number | null>,
  idleTimeoutMs: number,
): void {
  let drainedAtMs = 0
  let openStreams = 0

  function charge(): void {
    const nowMs = performance.now()
    drainedAtMs = Math.max(drainedAtMs, nowMs) + 1000 / NUISANCES_PER_SECOND
    if (drainedAtMs - nowMs <= (NUISANCE_BURST * 1000) / NUISANCES_PER_SECOND || session.destroyed) return
    const { remoteAddress = null } = session.socket
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
    pendingBytes.set(stream, null)
    stream.once('close', () => {
      openStreams--
      pendingBytes.delete(stream)
      if (stream.rstCode !== constants.NGHTTP2_NO_ERROR) charge()
    })
  })
  session.setTimeout(idleTimeoutMs, () => {
    if (openStreams === 0) session.close()
  })
}

// Only of what is finished: while a handler still writes, the same number of bytes may be other ones.
function dropStalled(pendingBytes: Map<ServerHttp2Stream, number | null>): void {
  for (const [stream, before] of pendingBytes) {
    if (!stream.writableEnded) continue
    const left = stream.bufferSize
    if (left === before) stream.close(constants.NGHTTP2_CANCEL)
    else pendingBytes.set(stream, left)
  }
}
