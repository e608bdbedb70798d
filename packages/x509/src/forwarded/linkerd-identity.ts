import { isRefusal, parseSpiffeId } from '@countersign/core'
import { fieldText } from './field-text.js'
import type { ForwardedResult } from './format.js'
import { malformed } from './refusals.js'

/** RFC 1035 §2.3.4. */
const MAX_NAME_LENGTH = 253
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/

/**
 * Reads `l5d-client-id` of Linkerd: the identity of the client as a DNS-like name of two labels and more, lowercase, or as the SPIFFE ID
 * of a workload. The proxy sets the field on every request or removes it.
 *
 * @returns Evidence with the provenance `proxy-asserted`; `null` for an empty value. Refusal: `ERR_FORWARDED_MALFORMED` or
 * `ERR_FORWARDED_TOO_LARGE`. Never throws.
 */
export function parseLinkerdIdentity(value: string | null | undefined): ForwardedResult {
  const text = fieldText(value, 'identity')
  if (isRefusal(text)) return text
  if (text === '') return null
  if (!isWorkload(text)) return malformed('identity', 'identity')
  return Object.freeze({ kind: 'identity', name: text, fingerprint256: null, provenance: 'proxy-asserted' })
}

function isWorkload(text: string): boolean {
  if (text.startsWith('spiffe:')) return (parseSpiffeId(text)?.path ?? '') !== ''
  if (text.length > MAX_NAME_LENGTH) return false
  const labels = text.split('.')
  return labels.length >= 2 && labels.every((label) => LABEL.test(label))
}
