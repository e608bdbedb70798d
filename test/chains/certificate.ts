import { bits, boolean, bytes, der, integer, namedBits, octets, oid, sequence, set, text, time } from './der.js'
import { type Key, type Signature, signWith } from './keys.js'

/** Everything that a certificate says, each part open to change before it is signed. */
export interface CertificateSpec {
  /** Complete elements. `null`: left out. */
  version: Uint8Array | null
  serial: Uint8Array
  signature: Signature
  /** AlgorithmIdentifier inside the signed part; `null`: that of the signature. */
  innerAlgorithm: Uint8Array | null
  issuer: Uint8Array
  notBefore: Uint8Array
  notAfter: Uint8Array
  subject: Uint8Array
  spki: Uint8Array
  /** `null`: without the field. */
  extensions: ExtensionSpec[] | null
  signer: Key
  /** Unique identifiers, or whatever else stands before the extensions. */
  beforeExtensions: readonly Uint8Array[]
  /** Changes the signed part before it is signed. */
  shape: ((signed: Uint8Array) => Uint8Array) | null
  /** Changes the signature. */
  spoil: ((signature: Uint8Array) => Uint8Array) | null
  /** Changes the whole. */
  wrap: ((whole: Uint8Array) => Uint8Array) | null
}

export interface ExtensionSpec {
  readonly oid: string
  /** Complete BOOLEAN; `null`: left out, so not critical. */
  critical: Uint8Array | null
  value: Uint8Array
}

export const OID = {
  subjectKeyId: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  issuerAltName: '2.5.29.18',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  distributionPoints: '2.5.29.31',
  policies: '2.5.29.32',
  policyMappings: '2.5.29.33',
  authorityKeyId: '2.5.29.35',
  policyConstraints: '2.5.29.36',
  extendedKeyUsage: '2.5.29.37',
  inhibitAnyPolicy: '2.5.29.54',
} as const

export const PURPOSE = {
  clientAuth: '1.3.6.1.5.5.7.3.2',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  codeSigning: '1.3.6.1.5.5.7.3.3',
  any: '2.5.29.37.0',
} as const

export const DIGITAL_SIGNATURE = 0
export const CERT_SIGN = 5
export const CRL_SIGN = 6

/** 2026-11-23, noon. */
export const NOW_MS = Date.parse('2026-11-23T12:00:00Z')
export const DAY_MS = 86_400_000

export function certificateFrom(spec: CertificateSpec): Uint8Array {
  const { algorithm, digest } = spec.signature
  const plain = sequence(
    ...(spec.version === null ? [] : [der(0xa0, spec.version)]),
    spec.serial,
    spec.innerAlgorithm ?? algorithm,
    spec.issuer,
    sequence(spec.notBefore, spec.notAfter),
    spec.subject,
    spec.spki,
    ...spec.beforeExtensions,
    ...(spec.extensions === null ? [] : [der(0xa3, sequence(...spec.extensions.map(extensionFrom)))]),
  )
  const signed = spec.shape?.(plain) ?? plain
  const signature = signWith(spec.signer, signed, digest)
  const whole = sequence(signed, algorithm, bits(spec.spoil?.(signature) ?? signature))
  return spec.wrap?.(whole) ?? whole
}

function extensionFrom({ oid: type, critical, value }: ExtensionSpec): Uint8Array {
  return sequence(oid(type), ...(critical === null ? [] : [critical]), octets(value))
}

export function extension(type: string, critical: boolean, value: Uint8Array): ExtensionSpec {
  return { oid: type, critical: critical ? boolean(true) : null, value }
}

export type Attribute = readonly [type: string, value: string, tag?: number]

const ATTRIBUTE: Readonly<Record<string, string>> = {
  CN: '2.5.4.3',
  O: '2.5.4.10',
  OU: '2.5.4.11',
  C: '2.5.4.6',
  E: '1.2.840.113549.1.9.1',
  DC: '0.9.2342.19200300.100.1.25',
}

/** A name of one attribute an RDN. */
export function nameFrom(...attributes: readonly Attribute[]): Uint8Array {
  return sequence(...attributes.map((attribute) => set(attributeFrom(attribute))))
}

export function attributeFrom([type, value, tag]: Attribute): Uint8Array {
  return sequence(oid(ATTRIBUTE[type] ?? type), text(value, tag ?? (type === 'C' ? 0x13 : type === 'E' || type === 'DC' ? 0x16 : 0x0c)))
}

export const general = {
  dns: (value: string): Uint8Array => text(value, 0x82),
  uri: (value: string): Uint8Array => text(value, 0x86),
  email: (value: string): Uint8Array => text(value, 0x81),
  ip: (...address: readonly number[]): Uint8Array => der(0x87, bytes(...address)),
  directory: (value: Uint8Array): Uint8Array => der(0xa4, value),
  registeredId: (dotted: string): Uint8Array => der(0x88, oid(dotted).subarray(2)),
  other: (dotted: string, value: Uint8Array): Uint8Array => der(0xa0, oid(dotted), der(0xa0, value)),
}

/** What a well-behaved issuer writes. */
export function authoritySpec(
  subject: Uint8Array,
  key: Key,
  issuer: { readonly name: Uint8Array; readonly key: Key },
  serial: number,
): CertificateSpec {
  return specFrom(subject, key, issuer, serial, [
    extension(OID.basicConstraints, true, sequence(boolean(true))),
    extension(OID.keyUsage, true, namedBits([CERT_SIGN, CRL_SIGN])),
  ])
}

export function leafSpec(
  subject: Uint8Array,
  key: Key,
  issuer: { readonly name: Uint8Array; readonly key: Key },
  serial: number,
  sans: readonly Uint8Array[],
): CertificateSpec {
  return specFrom(subject, key, issuer, serial, [
    extension(OID.basicConstraints, true, sequence()),
    extension(OID.keyUsage, true, namedBits([DIGITAL_SIGNATURE])),
    extension(OID.extendedKeyUsage, false, sequence(oid(PURPOSE.clientAuth), oid(PURPOSE.serverAuth))),
    ...(sans.length === 0 ? [] : [extension(OID.subjectAltName, false, sequence(...sans))]),
  ])
}

function specFrom(
  subject: Uint8Array,
  key: Key,
  issuer: { readonly name: Uint8Array; readonly key: Key },
  serial: number,
  extensions: readonly ExtensionSpec[],
): CertificateSpec {
  return {
    version: integer(2),
    serial: integer(serial),
    signature: issuer.key.signature,
    innerAlgorithm: null,
    issuer: issuer.name,
    notBefore: time(NOW_MS - DAY_MS),
    notAfter: time(NOW_MS + DAY_MS),
    subject,
    spki: key.spki,
    extensions: [
      ...extensions,
      extension(OID.subjectKeyId, false, octets(key.keyId)),
      extension(OID.authorityKeyId, false, sequence(der(0x80, issuer.key.keyId))),
    ],
    signer: issuer.key,
    beforeExtensions: [],
    shape: null,
    spoil: null,
    wrap: null,
  }
}
