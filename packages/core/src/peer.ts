import type { Identity } from './identity.js'

/** The caller's workload, proven by its certificate, or named by a proxy that is trusted to do so. Frozen. */
export interface Peer {
  /** The name that identifies the peer: its SPIFFE ID, or the first name of the kinds in `mtls.identifyBy`. */
  readonly id: string
  readonly identity: Identity
  readonly spiffeId: string | null
  readonly provenance: Provenance
  /** `null` where a proxy asserts an identity and hands no certificate on. */
  readonly certificate: CertificateMetadata | null
  /** When the first certificate of the verified path, or the revocation data it was checked with, runs out. Epoch milliseconds. */
  readonly expiresAtMs: number
}

/** A peer whose certificate is here: every one but those with the provenance `proxy-asserted`. */
export interface CertifiedPeer extends Peer {
  readonly certificate: CertificateMetadata
}

/**
 * How the evidence reached us. `connection`: by the TLS handshake, which proves the key. `proxy-verified`: a trusted proxy says that it
 * verified the certificate, and we did so again. `proxy-passed-through`: a trusted proxy hands on what it was shown; the path was verified
 * here alone. `proxy-asserted`: a trusted proxy names the caller, and there is no certificate to judge.
 */
export type Provenance = 'connection' | 'proxy-verified' | 'proxy-passed-through' | 'proxy-asserted'

/** What a certificate says, read from its DER by Countersign itself. Frozen; dates are copies. */
export interface CertificateMetadata {
  /** RFC 4514 text, for people and logs. Never compare it: identity is in `sans`. */
  readonly subject: string
  readonly issuer: string
  /** Lowercase hexadecimal, without leading zeros. */
  readonly serialNumber: string
  readonly sans: SubjectAlternativeNames
  readonly spiffeId: string | null
  /** SHA-256 of the DER, lowercase hexadecimal. */
  readonly fingerprint256: string
  /** SHA-256 of the SubjectPublicKeyInfo, base64: the form that `pins` takes (RFC 7469 §2.4). */
  readonly spkiSha256: string
  /** RFC 8705 §3.1 thumbprint, base64url: what a bound token's `cnf` holds. */
  readonly 'x5t#S256': string
  readonly validFrom: Date
  readonly validTo: Date
  readonly key: CertificateKey
  /** Such as `ecdsa-with-SHA256`; the dotted OID where we have no name for it. */
  readonly signatureAlgorithm: string
  /** Dotted OIDs; `null` without the extension. */
  readonly extendedKeyUsage: readonly string[] | null
  /** `null` without the extension. */
  readonly keyUsage: readonly KeyUsage[] | null
  readonly isCa: boolean
  readonly pathLength: number | null
  /** Lowercase hexadecimal. */
  readonly subjectKeyId: string | null
  readonly authorityKeyId: string | null
  /** Dotted OIDs of the certificate policies. */
  readonly policies: readonly string[]
  readonly der: Uint8Array
  /** Whole days until `validTo`; negative once it has passed. */
  daysLeft(nowMs: number): number
}

export interface SubjectAlternativeNames {
  readonly dns: readonly string[]
  readonly uri: readonly string[]
  readonly ip: readonly string[]
  readonly email: readonly string[]
}

export interface CertificateKey {
  readonly type: 'rsa' | 'rsa-pss' | 'ec' | 'ed25519' | 'ed448' | 'ml-dsa-44' | 'ml-dsa-65' | 'ml-dsa-87' | 'unknown'
  /** Bits of the modulus or of the curve's field; of an ML-DSA key those of the public key. */
  readonly bits: number
  /** Such as `P-256`; `null` where the key has no curve. */
  readonly curve: string | null
}

export type KeyUsage = (typeof KEY_USAGES)[number]

/**
 * What the key of a certificate may be used for. The position of a name is its bit.
 * @see https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.3
 */
export const KEY_USAGES = Object.freeze([
  'digitalSignature',
  'nonRepudiation',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'keyCertSign',
  'cRLSign',
  'encipherOnly',
  'decipherOnly',
] as const)
