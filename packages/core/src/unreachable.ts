import { FetchError } from './fetch-error.js'

/** What Node and OpenSSL call a server's certificate that was not accepted: https://nodejs.org/api/tls.html#x509-certificate-error-codes */
const DISTRUST: ReadonlySet<string> = new Set([
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_DECRYPT_CERT_SIGNATURE',
  'UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'CERT_SIGNATURE_FAILURE',
  'CERT_NOT_YET_VALID',
  'CERT_HAS_EXPIRED',
  'ERROR_IN_CERT_NOT_BEFORE_FIELD',
  'ERROR_IN_CERT_NOT_AFTER_FIELD',
  'CERT_CHAIN_TOO_LONG',
  'CERT_REVOKED',
  'INVALID_CA',
  'PATH_LENGTH_EXCEEDED',
  'INVALID_PURPOSE',
  'CERT_UNTRUSTED',
  'CERT_REJECTED',
  'HOSTNAME_MISMATCH',
  'ERR_TLS_CERT_ALTNAME_INVALID',
])

/**
 * Why a request got no answer: nobody is there, or somebody whose certificate is not trusted, which is mended elsewhere.
 * @param server such as `the issuer`.
 * @param cause what `fetch` rejected with.
 */
export function unreachable(server: string, cause: unknown): FetchError {
  const error = new FetchError(`${server} cannot be reached`, { cause })
  const isDistrusted = error.code !== undefined && DISTRUST.has(error.code)
  return isDistrusted ? new FetchError(`${server} shows a certificate that is not trusted`, { cause }) : error
}
