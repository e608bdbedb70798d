import { createHash } from 'node:crypto'
import type { ParsedCertificate } from '../certificate/read-certificate.js'
import { hexFrom } from '../der/der-values.js'

/** Whether what stands beside a certificate is true of it. Equal or not: a text of another form is not equal. */
export type Redundant = (said: string, leaf: ParsedCertificate) => boolean

/** Hexadecimal in either case, with or without colons. */
function octetText(text: string): string {
  return text.replaceAll(':', '').toLowerCase()
}

export const isSha256Hex: Redundant = (said, leaf) => octetText(said) === hexFrom(leaf.fingerprint)

export const isSha256Base64: Redundant = (said, leaf) => said === Buffer.from(leaf.fingerprint).toString('base64')

/** Azure names certificates by their SHA-1. It tells two apart by accident, not by intent: the certificate is what counts. */
export const isSha1Hex: Redundant = (said, leaf) => octetText(said) === createHash('sha1').update(leaf.der).digest('hex')

/** Zeros in front do not count: some write the octets of the INTEGER, some the number. */
export const isSerial: Redundant = (said, leaf) => octetText(said).replace(/^0+(?=.)/, '') === leaf.serialNumber

/** Among the URIs of the certificate. That it is the only one is settled where the certificate is verified (X.509-SVID §2). */
export const isSpiffeId: Redundant = (said, { extensions: { sans } }) => sans?.uri.includes(said) === true

/** `NotBefore=…;NotAfter=…` of AWS, to the second. */
export const isValidity: Redundant = (said, { notBeforeMs, notAfterMs }) =>
  said === `NotBefore=${secondsText(notBeforeMs)};NotAfter=${secondsText(notAfterMs)}`

function secondsText(ms: number): string {
  return new Date(ms).toISOString().replace('.000Z', 'Z')
}
