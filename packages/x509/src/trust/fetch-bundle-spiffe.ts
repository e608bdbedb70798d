import { constants, type X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { isIP } from 'node:net'
import { addAbortSignal } from 'node:stream'
import { connect, type TLSSocket } from 'node:tls'
import { FetchError } from '@countersign/core'
import { type BundleAnswer, isRedirect } from './bundle-exchange.js'

/** Judges the certificates of a server, its own first. @returns A fixed text of why it is not the endpoint. */
export type VerifyBundleServer = (chain: readonly Uint8Array[]) => string | null

const HTTPS_PORT = 443
/** An endpoint sends one to three. */
const MAX_CHAIN = 8

/**
 * Asks an `https_spiffe` endpoint on a connection of its own. Nothing is sent before the server's certificate was verified by us.
 * @throws {FetchError}
 * @see https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE_Federation.md#5224-consuming-a-bundle-endpoint
 */
export async function fetchBundleSpiffe(url: URL, verifyServer: VerifyBundleServer, signal: AbortSignal): Promise<BundleAnswer> {
  const socket = addAbortSignal(signal, connectTo(url))
  // What breaks between two steps is seen by the next one, and must not be nobody's.
  socket.on('error', () => {})
  try {
    await once(socket, 'secureConnect', { signal })
  } catch (cause) {
    socket.destroy()
    throw new FetchError('the endpoint cannot be reached', { cause })
  }
  const flaw = verifyServer(chainOf(socket))
  if (flaw === null) return exchange(socket, url, signal)
  socket.destroy()
  throw new FetchError(flaw)
}

function connectTo(url: URL): TLSSocket {
  const host = url.hostname.replace(/^\[|\]$/g, '')
  return connect({
    host,
    port: url.port === '' ? HTTPS_PORT : Number(url.port),
    ...(isIP(host) === 0 ? { servername: host } : {}),
    // The Web PKI has no say here: a SPIFFE ID is no host name, and its anchors are in no list of OpenSSL's.
    rejectUnauthorized: false,
    ca: [],
    // SPIFFE Federation §5: Mozilla's intermediate profile.
    minVersion: 'TLSv1.2',
    // Who was verified stays who is asked.
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
    ALPNProtocols: ['http/1.1'],
  })
}

function chainOf(socket: TLSSocket): readonly Uint8Array[] {
  const chain: Uint8Array[] = []
  let certificate: X509Certificate | undefined = socket.getPeerX509Certificate()
  while (certificate !== undefined && chain.length < MAX_CHAIN) {
    chain.push(certificate.raw)
    certificate = certificate.issuerCertificate
  }
  return chain
}

async function exchange(socket: TLSSocket, url: URL, signal: AbortSignal): Promise<BundleAnswer> {
  const { host, pathname, search } = url
  const headers = { host, accept: 'application/json', connection: 'close' }
  const asked = request({ createConnection: () => socket, path: `${pathname}${search}`, headers, signal })
  asked.on('error', () => {})
  let response: IncomingMessage
  try {
    asked.end()
    ;[response] = await once(asked, 'response', { signal })
  } catch (cause) {
    socket.destroy()
    throw new FetchError('the endpoint did not answer', { cause })
  }
  try {
    if (isRedirect(response.statusCode ?? 0)) {
      socket.destroy()
      return { location: response.headers.location ?? null }
    }
    if (response.headers['content-encoding'] !== undefined) throw new FetchError('the answer is compressed, which was not asked for')
    return { body: response }
  } catch (error) {
    socket.destroy()
    throw error
  }
}
