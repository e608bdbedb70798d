import { createSecureServer, type Http2SecureServer, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2'
import { limitHeaders } from './header-limit.js'
import type { Listener } from './listener.js'
import { protectWholeServer } from './protect-server.js'
import { checkListener, checkServerOptions, type SecureHttp2ServerOptions } from './server-options.js'
import { limitSessions } from './session-limit.js'
import { createTlsContext } from './tls-context.js'

/** Frames that break the protocol, and streams refused for being too many, before a session is ended. Node's defaults are 1,000 and 100. */
const MAX_INVALID_FRAMES = 100
const MAX_REJECTED_STREAMS = 100
/** Fields of one header section, cookies crumbled (RFC 9113 §8.2.3). */
const MAX_HEADER_PAIRS = 128
/** Megabytes that one session may hold. Node's default, said because it is a bound that counts. */
const MAX_SESSION_MEMORY_MB = 10
/** How long a client may talk neither h2 nor http/1.1. */
const UNKNOWN_PROTOCOL_TIMEOUT_MS = 2000
const CHECK_INTERVAL_MS = 2000

/**
 * The same as {@link secureServer} for HTTP/2, with HTTP/1.1 for clients that know nothing else. Sessions that reset streams,
 * ping or change settings beyond measure are ended.
 *
 * Koa, Fastify (with `http2: true`) and plain functions run on it; Express does not run on HTTP/2.
 * @example
 * secureHttp2Server({ cert: 'billing.pem', key: 'billing-key.pem', guard }, (req, res) => res.end(guard.principal(req).id)).listen(8443)
 * @throws {MisuseError} as {@link secureServer}.
 */
export function secureHttp2Server(
  options: SecureHttp2ServerOptions,
  listener: Listener<Http2ServerRequest, Http2ServerResponse>,
): Http2SecureServer {
  const checked = checkServerOptions(options, 'h2')
  checkListener(listener, 'secureHttp2Server')
  const context = createTlsContext(checked)
  const server = createSecureServer(
    {
      ...context.options,
      allowHTTP1: true,
      maxSessionInvalidFrames: MAX_INVALID_FRAMES,
      maxSessionRejectedStreams: MAX_REJECTED_STREAMS,
      maxHeaderListPairs: MAX_HEADER_PAIRS,
      maxSessionMemory: MAX_SESSION_MEMORY_MB,
      unknownProtocolTimeout: UNKNOWN_PROTOCOL_TIMEOUT_MS,
      settings: { maxConcurrentStreams: checked.maxConcurrentStreams, maxHeaderListSize: checked.maxHeaderBytes, enablePush: false },
    },
    listener,
  )
  Object.assign(server, {
    headersTimeout: checked.headersTimeoutMs,
    requestTimeout: checked.requestTimeoutMs,
    connectionsCheckingInterval: CHECK_INTERVAL_MS,
    maxHeaderSize: checked.maxHeaderBytes,
  })
  limitSessions(server, checked.guard)
  protectWholeServer(server, checked.guard)
  limitHeaders(server, checked.maxHeaderBytes)
  context.attach(server)
  return server
}
