import { isRefusal, parseJsonObject } from '@countersign/core'
import { certificateEvidence, readCertificates } from './certificates.js'
import { decodePem, onlyOne } from './escaped-pem.js'
import { fieldText } from './field-text.js'
import type { ForwardedResult } from './format.js'
import { MAX_FORWARDED_BYTES } from './limits.js'
import { isSerial } from './redundant.js'
import { ambiguous, malformed, mismatch, tooLarge } from './refusals.js'

/**
 * Reads the client's certificate out of an event of Amazon API Gateway, as a Lambda handler gets it:
 * `requestContext.authentication.clientCert` (payload 2.0) or `requestContext.identity.clientCert` (payload 1.0).
 * The serial number beside it has to be the certificate's.
 *
 * API Gateway verified the certificate against the trust store of the custom domain. The default `execute-api` endpoint must be disabled,
 * since it takes requests without a certificate.
 *
 * @returns Evidence with the provenance `proxy-verified`; `null` if the event has no client certificate. Refusals:
 * `ERR_FORWARDED_MALFORMED`, `ERR_FORWARDED_TOO_LARGE`, `ERR_FORWARDED_AMBIGUOUS` (one in both places), `ERR_FORWARDED_MISMATCH`.
 */
export function parseApiGatewayEvent(event: unknown): ForwardedResult {
  return typeof event === 'object' && event !== null ? evidenceFromContext(member(event, 'requestContext')) : malformed('context', 'type')
}

/**
 * Reads the request context of API Gateway as JSON: the field `x-amzn-request-context` of the Lambda Web Adapter.
 *
 * @returns As {@link parseApiGatewayEvent} does; JSON with a member name twice is malformed.
 */
export function parseApiGatewayContext(value: string | null | undefined): ForwardedResult {
  const text = fieldText(value, 'context')
  if (isRefusal(text)) return text
  if (text === '') return null
  const context = parseJsonObject(text)
  return context === null ? malformed('context', 'json') : evidenceFromContext(context)
}

function evidenceFromContext(context: unknown): ForwardedResult {
  const found = ['authentication', 'identity']
    .map((name) => member(member(context, name), 'clientCert') ?? null)
    .filter((one) => one !== null)
  const [certificate, second] = found
  if (second !== undefined) return ambiguous('context', 'repeated')
  if (certificate === undefined) return null
  const pem = member(certificate, 'clientCertPem')
  const serial = member(certificate, 'serialNumber') ?? ''
  if (typeof pem !== 'string' || typeof serial !== 'string') return malformed('context', 'type')
  if (pem.length + serial.length > MAX_FORWARDED_BYTES) return tooLarge('context', 'bytes')
  const decoded = onlyOne(decodePem(pem, 'certificate'), 'certificate')
  if (decoded === null || isRefusal(decoded)) return decoded
  const certificates = readCertificates(decoded, 'certificate')
  if (isRefusal(certificates)) return certificates
  return serial !== '' && !isSerial(serial, certificates.leaf)
    ? mismatch('serial', 'differs')
    : certificateEvidence(certificates, 'proxy-verified')
}

/** A member of an object's own, never an inherited one; `undefined` if it has none of that name, or is no object. */
function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined
}
