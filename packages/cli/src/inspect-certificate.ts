import type { CertificateKey, CertificateMetadata } from '@countersign/core'
import type { Paint } from './paint.js'
import { type Row, renderRows } from './table.js'
import { printable } from './terminal.js'
import { isoTime, timeLeft } from './time-left.js'

const PURPOSES: Readonly<Record<string, string>> = {
  '1.3.6.1.5.5.7.3.1': 'serverAuth',
  '1.3.6.1.5.5.7.3.2': 'clientAuth',
  '1.3.6.1.5.5.7.3.3': 'codeSigning',
  '1.3.6.1.5.5.7.3.4': 'emailProtection',
  '1.3.6.1.5.5.7.3.8': 'timeStamping',
  '1.3.6.1.5.5.7.3.9': 'ocspSigning',
  '2.5.29.37.0': 'any',
}

/** A chain as a table for people. */
export function describeCertificates(certificates: readonly CertificateMetadata[], nowMs: number, paint: Paint): string {
  const title = (index: number) => (certificates.length === 1 ? 'Certificate' : `Certificate ${index + 1} of ${certificates.length}`)
  return certificates
    .map((certificate, index) => `${paint('bold', title(index))}\n${renderRows(rowsOf(certificate, nowMs, paint), paint)}`)
    .join('\n')
}

/** A chain for programs: what the metadata holds, and how long it is valid. */
export function certificatesAsJson(certificates: readonly CertificateMetadata[], nowMs: number): object {
  return {
    kind: 'certificates',
    certificates: certificates.map((certificate) => ({
      subject: certificate.subject,
      issuer: certificate.issuer,
      serialNumber: certificate.serialNumber,
      spiffeId: certificate.spiffeId,
      sans: certificate.sans,
      validFrom: isoTime(certificate.validFrom),
      validTo: isoTime(certificate.validTo),
      daysLeft: certificate.daysLeft(nowMs),
      key: certificate.key,
      signatureAlgorithm: certificate.signatureAlgorithm,
      isCa: certificate.isCa,
      pathLength: certificate.pathLength,
      keyUsage: certificate.keyUsage,
      extendedKeyUsage: certificate.extendedKeyUsage,
      subjectKeyId: certificate.subjectKeyId,
      authorityKeyId: certificate.authorityKeyId,
      policies: certificate.policies,
      fingerprint256: certificate.fingerprint256,
      spkiSha256: certificate.spkiSha256,
      'x5t#S256': certificate['x5t#S256'],
    })),
  }
}

function rowsOf(certificate: CertificateMetadata, nowMs: number, paint: Paint): readonly Row[] {
  return [
    ['SPIFFE ID', certificate.spiffeId === null ? null : printable(certificate.spiffeId)],
    ['subject', printable(certificate.subject)],
    ['issuer', printable(certificate.issuer)],
    ['names', namesOf(certificate)],
    ['valid', validityOf(certificate, nowMs, paint)],
    ['use', useOf(certificate)],
    ['key', keyText(certificate.key)],
    ['signed with', printable(certificate.signatureAlgorithm)],
    ['serial number', certificate.serialNumber],
    ['SHA-256', certificate.fingerprint256],
    ['x5t#S256', certificate['x5t#S256']],
    ['pin', certificate.spkiSha256],
    ['key ID', certificate.subjectKeyId],
    ['issuer key ID', certificate.authorityKeyId],
    ['policies', certificate.policies.join(', ')],
  ]
}

function namesOf({ sans, spiffeId }: CertificateMetadata): string {
  const kinds = [
    ['DNS', sans.dns],
    ['IP', sans.ip],
    ['URI', sans.uri.filter((uri) => uri !== spiffeId)],
    ['email', sans.email],
  ] as const
  return kinds.flatMap(([kind, names]) => names.map((name) => `${kind} ${printable(name)}`)).join(', ')
}

function validityOf({ validFrom, validTo }: CertificateMetadata, nowMs: number, paint: Paint): string {
  const left = nowMs < validFrom.getTime() ? paint('red', 'not valid yet') : timeLeft(validTo.getTime(), nowMs, paint)
  return `${isoTime(validFrom)} to ${isoTime(validTo)}, ${left}`
}

function useOf({ isCa, pathLength, keyUsage, extendedKeyUsage }: CertificateMetadata): string {
  const authority = isCa ? [pathLength === null ? 'authority' : `authority with at most ${pathLength} below it`] : []
  const purposes = (extendedKeyUsage ?? []).map((purpose) => PURPOSES[purpose] ?? purpose)
  return [...authority, ...purposes, ...(keyUsage ?? [])].join(', ')
}

function keyText({ type, bits, curve }: CertificateKey): string {
  return curve === null ? `${type}, ${bits} bits` : `${type} ${curve}`
}
