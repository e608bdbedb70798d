import { isRefusal, type Refusal } from '@countersign/core'
import { certificateEvidence, type Decoded, readCertificates } from './certificates.js'
import { fieldText } from './field-text.js'
import type { ForwardedCertificateEvidence, ForwardedFields, ForwardedResult } from './format.js'
import type { Redundant } from './redundant.js'
import { type ForwardedRole, mismatch, unverified } from './refusals.js'

/** What a proxy says of its check of the certificate. `silent`: its field is absent. */
export type Signal = 'verified' | 'none' | 'silent' | 'failed' | 'generous' | 'revoked' | 'proxy-error' | 'unknown'

/** A role of a field, and what has to be true of its value. */
export type Check = readonly [role: ForwardedRole, isTrue: Redundant]

/** The value of a field by role; never one that is inherited. */
export function fieldOf(fields: ForwardedFields, role: ForwardedRole): string | null {
  return Object.hasOwn(fields, role) ? (fields[role] ?? null) : null
}

/** Values by role, without the white space around them. */
export type Texts<R extends ForwardedRole> = Readonly<Record<R, string>>

export function textsOf<const R extends ForwardedRole>(fields: ForwardedFields, ...roles: readonly R[]): Texts<R> | Refusal {
  const texts: Partial<Record<R, string>> = {}
  for (const role of roles) {
    const text = fieldText(fieldOf(fields, role), role)
    if (isRefusal(text)) return text
    texts[role] = text
  }
  return texts as Texts<R>
}

/** `SUCCESS`, `NONE`, `FAILED:reason` and nothing, as nginx and those after it write them; `GENEROUS` of Apache. */
export function verifySignal(text: string): Signal {
  if (text === 'SUCCESS') return 'verified'
  if (text === 'NONE') return 'none'
  if (text === 'GENEROUS') return 'generous'
  if (text === '' || text === '(null)') return 'silent'
  return text === 'FAILED' || text.startsWith('FAILED:') ? 'failed' : 'unknown'
}

/** Holds a certificate against what the proxy says of its check, in the field with the role `role`. */
export function judged(decoded: Decoded, signal: Signal, role: ForwardedRole): Decoded {
  if (isRefusal(decoded)) return decoded
  if (signal !== 'verified' && signal !== 'none' && signal !== 'silent') return unverified(role, signal)
  if (decoded === null) return signal === 'verified' ? mismatch('certificate', 'certificate-missing') : null
  if (signal === 'silent') return unverified(role, 'signal-missing')
  return signal === 'none' ? unverified(role, 'none') : decoded
}

/** Reads the certificates, and holds every redundant field that there is against the leaf; one without a certificate contradicts it too. */
export function checked(
  decoded: Decoded,
  fields: ForwardedFields,
  checks: readonly Check[],
  provenance: ForwardedCertificateEvidence['provenance'],
): ForwardedResult {
  if (isRefusal(decoded)) return decoded
  const certificates = decoded === null ? null : readCertificates(decoded, 'certificate')
  if (isRefusal(certificates)) return certificates
  for (const [role, isTrue] of checks) {
    const said = fieldText(fieldOf(fields, role), role)
    if (isRefusal(said)) return said
    if (said === '') continue
    if (certificates === null) return mismatch(role, 'certificate-missing')
    if (!isTrue(said, certificates.leaf)) return mismatch(role, 'differs')
  }
  return certificates === null ? null : certificateEvidence(certificates, provenance)
}
