import type { AgentOptions } from 'node:https'
import { checkServerIdentity, createSecureContext } from 'node:tls'

/** What a client calls with, in PEM. */
export interface ClientTlsCredential {
  /** Its own certificate, then its intermediates. */
  readonly certificatePem: string
  readonly keyPem: string
  /** The CAs that servers must come from. */
  readonly caPem: string
}

/**
 * Is this the server that was called? Asked on every handshake, after OpenSSL has verified its certificate.
 * @param certificate its DER.
 * @param isNamed whether it holds this DNS name or address (RFC 9525 §6).
 * @returns `null`: yes. Otherwise why not, as a code.
 */
export type ServerJudge = (certificate: Uint8Array, isNamed: (host: string) => boolean) => string | null

/** The outbound half of mutual TLS, with one credential. */
export interface ClientTls {
  /** For `new https.Agent(options)`, or a single request: TLS 1.2 at least, a certificate that is verified, and whom `judge` takes. */
  optionsFor(judge: ServerJudge): AgentOptions
}

/**
 * Makes the TLS side of outbound connections. OpenSSL parses all of the credential now, not at the first call; nothing of it can be read
 * from what is returned.
 * @throws {Error} of OpenSSL, for a credential that it does not take.
 */
export function createClientTls({ certificatePem, keyPem, caPem }: ClientTlsCredential): ClientTls {
  const secureContext = createSecureContext({ cert: certificatePem, key: keyPem, ca: caPem, minVersion: 'TLSv1.2' })
  return {
    optionsFor: (judge) => ({
      secureContext,
      minVersion: 'TLSv1.2',
      rejectUnauthorized: true,
      // A session that is resumed is not asked for its name again.
      maxCachedSessions: 0,
      checkServerIdentity(_host, certificate) {
        const code = codeOf(() => judge(certificate.raw, (host) => checkServerIdentity(host, certificate) === undefined))
        return code === null ? undefined : Object.assign(new Error(`The server is not the one that was called (${code})`), { code })
      },
    }),
  }
}

/** A judge that fails has taken nobody. */
function codeOf(judge: () => string | null): string | null {
  try {
    return judge()
  } catch {
    return 'ERR_PEER_UNREADABLE'
  }
}
