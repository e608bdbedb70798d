import { FetchError, fetchBytes, type Runtime } from '@countersign/core'
import type { CaCertificate } from '../certificate/ca-certificate.js'
import type { OcspSetting } from './check-revocation.js'
import { judgeOcspResponse, type OcspVerdict } from './ocsp-judgement.js'
import { encodeOcspRequest, freshNonce } from './ocsp-request.js'
import { MAX_OCSP_BYTES, readOcspResponse } from './read-ocsp-response.js'
import type { RevocationSubject, UnknownReason } from './revocation.js'

/** Why what came is no answer. The message is a fixed text, for the log. */
export class OcspError extends FetchError {
  readonly reason: UnknownReason

  constructor(reason: UnknownReason, message: string) {
    super(message)
    this.reason = reason
  }
}

export interface OcspExchange {
  readonly ocsp: OcspSetting
  readonly skewMs: number
  readonly rsaBits: number
  readonly hashBits: number
  readonly fetch: Runtime['fetch']
  nowMs(): number
  /** Ends it. */
  readonly signal: AbortSignal
}

/** Whoever waits gives up earlier; an answer that comes late is kept for the next time. */
const TIMEOUT_MS = 10_000

/**
 * Asks one responder about one certificate, by POST (RFC 6960 appendix A.1).
 * @throws {OcspError} for what is no answer that counts.
 * @throws {FetchError} where nothing came.
 */
export async function askResponder(
  url: string,
  subject: RevocationSubject,
  issuer: CaCertificate,
  { ocsp, signal, fetch, nowMs, ...limits }: OcspExchange,
): Promise<OcspVerdict> {
  const nonce = ocsp.nonce === 'none' ? null : freshNonce()
  const body = { type: 'application/ocsp-request', bytes: encodeOcspRequest(subject, issuer, nonce, ocsp.hash) }
  const request = { server: 'it', url, accept: 'application/ocsp-response', maxBytes: MAX_OCSP_BYTES, timeoutMs: TIMEOUT_MS, signal, body }
  const { bytes } = await fetchBytes(request, fetch)
  const response = readOcspResponse(bytes ?? new Uint8Array(0))
  if (typeof response === 'string') throw new OcspError(REASONS[response] ?? 'refused', response)
  const rules = { ...limits, nowMs: nowMs(), maxAgeMs: ocsp.maxAgeMs, nonce, nonceRequired: ocsp.nonce === 'require' }
  const verdict = judgeOcspResponse(response, subject, issuer, rules)
  if (typeof verdict === 'string') throw new OcspError('unverified', verdict)
  return verdict
}

const REASONS: Readonly<Partial<Record<string, UnknownReason>>> = { malformed: 'unverified', 'try-later': 'try-later' }
