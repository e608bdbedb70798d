import { constants } from 'node:crypto'
import type { Socket } from 'node:net'
import { createSecureContext, type SecureContextOptions, type Server, type TlsOptions } from 'node:tls'
import { MisuseError } from '@countersign/core'
import { createConnectionLimit } from './connection-limit.js'
import { watchExpiry } from './expiry-watch.js'
import { interceptEvents } from './intercept-events.js'
import { createProxyGate } from './proxy-gate.js'
import { type ServerCredential, watchServerCredential } from './server-credential.js'
import type { CheckedServerOptions } from './server-options.js'

/** What a TLS server is made with, and what keeps it up to date. */
export interface TlsContext {
  readonly options: TlsOptions
  /** Reloads the server's certificate and trust anchors, and bounds connections, until the server closes. */
  attach(server: Server): void
}

const HARDENED = constants.SSL_OP_NO_RENEGOTIATION | constants.SSL_OP_CIPHER_SERVER_PREFERENCE
/** A peer that vanished without a word is noticed by TCP itself. */
const TCP_KEEP_ALIVE_MS = 30_000

/**
 * Makes the TLS side of a secure server. Certificates are asked for if the guard looks at them, and judged by the guard alone, which
 * answers with a code; what Node thinks of them (`authorized`) is never asked.
 * @throws {MisuseError} `ERR_CREDENTIAL_UNREADABLE`, or `ERR_OPTION_INVALID` for a cipher list that OpenSSL does not take.
 */
export function createTlsContext(options: CheckedServerOptions): TlsContext {
  const { guard, minVersion, ciphers, resumption } = options
  let anchors = guard.certificateRequest?.trustAnchors() ?? []
  let attached: Server | null = null

  function contextOptions({ certificatePem, keyPem }: ServerCredential): SecureContextOptions {
    return {
      cert: certificatePem,
      key: keyPem,
      // The names that clients pick their certificate by. Never left out: Node would name every CA of the web instead.
      ca: [...anchors],
      minVersion,
      ...(ciphers === null ? {} : { ciphers }),
      honorCipherOrder: true,
      secureOptions: resumption ? HARDENED : HARDENED | constants.SSL_OP_NO_TICKET,
    }
  }

  checkCiphers(minVersion, ciphers)
  const credential = watchServerCredential(options.cert, options.key, {
    guard,
    check: (loaded) => createSecureContext(contextOptions(loaded)),
    onReloaded(loaded) {
      attached?.setSecureContext(contextOptions(loaded))
      expiry.check()
    },
  })
  const expiry = watchExpiry(guard, () => credential.value)

  function refreshAnchors(server: Server): void {
    const current = guard.certificateRequest?.trustAnchors() ?? []
    if (current === anchors || (current.length === anchors.length && current.every((pem, index) => pem === anchors[index]))) return
    anchors = current
    try {
      server.setSecureContext(contextOptions(credential.value))
    } catch (cause) {
      guard.report({
        kind: 'trust.reload-failed',
        severity: 'error',
        code: 'ERR_TRUST_UNREADABLE',
        message: 'OpenSSL does not take the new trust anchors: clients are still told the names of the old ones',
        facts: {},
        cause,
      })
    }
  }

  return {
    options: {
      ...contextOptions(credential.value),
      requestCert: guard.certificateRequest !== null,
      rejectUnauthorized: false,
      handshakeTimeout: options.handshakeTimeoutMs,
      keepAlive: true,
      keepAliveInitialDelay: TCP_KEEP_ALIVE_MS,
    },
    attach(server) {
      attached = server
      const limit = createConnectionLimit(options.perAddress, guard)
      const gate = createProxyGate(options, server)
      function connection([accepted]: readonly unknown[], proceed: () => void): void {
        const socket = accepted as Socket
        gate.pass(socket, () => {
          if (limit.admit(socket)) {
            refreshAnchors(server)
            proceed()
          } else socket.destroy()
        })
      }
      interceptEvents(server, new Map([['connection', connection]]))
      server.once('close', () => {
        credential.close()
        expiry.close()
      })
    },
  }
}

function checkCiphers(minVersion: CheckedServerOptions['minVersion'], ciphers: string | null): void {
  try {
    if (ciphers !== null) createSecureContext({ ciphers, minVersion })
  } catch (cause) {
    throw new MisuseError('ERR_OPTION_INVALID', 'tls.ciphers', 'OpenSSL does not take this list of ciphers', cause)
  }
}
