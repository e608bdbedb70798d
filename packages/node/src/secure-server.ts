import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { Listener } from './listener.js'
import { protectWholeServer } from './protect-server.js'
import { checkListener, checkServerOptions, type SecureServerOptions } from './server-options.js'
import { createTlsContext } from './tls-context.js'

/** How often Node looks for requests that take too long: half of its own interval would still be longer than our time limits. */
const CHECK_INTERVAL_MS = 2000

/**
 * Makes an HTTPS server on which nothing runs undecided: the guard stands in front of the listener, of upgrades and of `CONNECT`.
 * Middleware of the same guard inside the listener finds the decision and does not make a second one.
 *
 * TLS 1.2 or later, client certificates asked for if the guard looks at them, resumption and renegotiation off, the server's own
 * certificate reloaded when its files change, handshakes limited in time and by address.
 * @param listener an Express app, `koa.callback()`, the listener of Fastify's `serverFactory`, or a plain function.
 * @example
 * secureServer({ cert: 'billing.pem', key: 'billing-key.pem', guard }, app).listen(8443)
 * @throws {MisuseError} naming the option that is wrong; `ERR_CREDENTIAL_UNREADABLE` if certificate and key cannot be used.
 */
export function secureServer(options: SecureServerOptions, listener: Listener<IncomingMessage, ServerResponse>): Server {
  const checked = checkServerOptions(options, 'http/1.1')
  checkListener(listener, 'secureServer')
  const context = createTlsContext(checked)
  const server = createServer(
    {
      ...context.options,
      headersTimeout: checked.headersTimeoutMs,
      requestTimeout: checked.requestTimeoutMs,
      connectionsCheckingInterval: CHECK_INTERVAL_MS,
      maxHeaderSize: checked.maxHeaderBytes,
    },
    listener,
  )
  protectWholeServer(server, checked.guard)
  context.attach(server)
  return server
}
