import {
  type CertificateKey,
  type CertificateMetadata,
  type KeyUsage,
  parseSpiffeId,
  type SubjectAlternativeNames,
} from '@countersign/core'
import { hexFrom } from '../der/der-values.js'
import { nameText } from '../der/distinguished-name.js'
import { ipText } from '../der/general-names.js'
import { spkiSha256 } from './public-key.js'
import type { ParsedCertificate } from './read-certificate.js'

const DAY_MS = 86_400_000
const NONE: readonly string[] = Object.freeze([])
const NO_SANS: SubjectAlternativeNames = Object.freeze({ dns: NONE, uri: NONE, ip: NONE, email: NONE })

/**
 * What a certificate says. Freezing does not protect dates and bytes, so those are private and every read gets a copy.
 */
class Metadata implements CertificateMetadata {
  readonly subject: string
  readonly issuer: string
  readonly serialNumber: string
  readonly sans: SubjectAlternativeNames
  readonly spiffeId: string | null
  readonly fingerprint256: string
  readonly spkiSha256: string
  readonly 'x5t#S256': string
  readonly key: CertificateKey
  readonly signatureAlgorithm: string
  readonly extendedKeyUsage: readonly string[] | null
  readonly keyUsage: readonly KeyUsage[] | null
  readonly isCa: boolean
  readonly pathLength: number | null
  readonly subjectKeyId: string | null
  readonly authorityKeyId: string | null
  readonly policies: readonly string[]
  readonly #der: Uint8Array
  readonly #validFromMs: number
  readonly #validToMs: number

  constructor(certificate: ParsedCertificate) {
    const { extensions, fingerprint } = certificate
    this.subject = nameText(certificate.subject)
    this.issuer = nameText(certificate.issuer)
    this.serialNumber = certificate.serialNumber
    this.sans = sansFrom(certificate)
    this.spiffeId = spiffeIdFrom(this.sans)
    this.fingerprint256 = hexFrom(fingerprint)
    this.spkiSha256 = spkiSha256(certificate.key)
    this['x5t#S256'] = Buffer.from(fingerprint).toString('base64url')
    this.key = certificate.key.description
    this.signatureAlgorithm = certificate.signatureAlgorithm.name
    this.extendedKeyUsage = extensions.extendedKeyUsage
    this.keyUsage = extensions.keyUsage
    this.isCa = extensions.isCa
    this.pathLength = extensions.pathLength
    this.subjectKeyId = extensions.subjectKeyId
    this.authorityKeyId = extensions.authorityKeyId
    this.policies = extensions.policies.length === 0 ? NONE : extensions.policies
    this.#der = certificate.der
    this.#validFromMs = certificate.notBeforeMs
    this.#validToMs = certificate.notAfterMs
    Object.freeze(this)
  }

  get validFrom(): Date {
    return new Date(this.#validFromMs)
  }

  get validTo(): Date {
    return new Date(this.#validToMs)
  }

  get der(): Uint8Array {
    return new Uint8Array(this.#der)
  }

  daysLeft(nowMs: number): number {
    return Math.floor((this.#validToMs - nowMs) / DAY_MS)
  }

  /** Everything but the bytes, dates as ISO text. */
  toJSON(): object {
    return { ...this, validFrom: this.validFrom.toISOString(), validTo: this.validTo.toISOString() }
  }
}

export function metadataFrom(certificate: ParsedCertificate): CertificateMetadata {
  return new Metadata(certificate)
}

function sansFrom({ extensions: { sans } }: ParsedCertificate): SubjectAlternativeNames {
  if (sans === null) return NO_SANS
  const frozen = (names: readonly string[]): readonly string[] => (names.length === 0 ? NONE : Object.freeze([...names]))
  return Object.freeze({
    dns: frozen(sans.dns),
    uri: frozen(sans.uri),
    ip: frozen(sans.ip.map((address) => ipText(address) ?? '')),
    email: frozen(sans.email),
  })
}

/** SPIFFE X.509-SVID §2: the one URI of the SAN. */
function spiffeIdFrom({ uri }: SubjectAlternativeNames): string | null {
  const [only, second] = uri
  return only === undefined || second !== undefined ? null : (parseSpiffeId(only)?.text ?? null)
}
