import { DER_TAG, KEY_USAGES, type KeyUsage } from '@countersign/core'
import { contextTag, DerError, type DerReader } from '../der/der-reader.js'
import { hexFrom, readBitString, readBoolean, readOid, readOptionalNull, readSmallInteger } from '../der/der-values.js'
import { emptyNames, type GeneralNames, readGeneralName, readGeneralNames } from '../der/general-names.js'
import { type DistributionPoint, readDistributionPointList } from './distribution-point.js'
import { type NameConstraints, readNameConstraints } from './name-constraints.js'
import {
  type PolicyConstraints,
  type PolicyMapping,
  readCertificatePolicies,
  readPolicyConstraints,
  readPolicyMappings,
  readSkip,
} from './policy-extensions.js'

/** What the extensions of a certificate say. */
export interface CertificateExtensions {
  readonly sans: GeneralNames | null
  readonly isCa: boolean
  readonly pathLength: number | null
  readonly keyUsage: readonly KeyUsage[] | null
  readonly extendedKeyUsage: readonly string[] | null
  readonly subjectKeyId: string | null
  readonly authorityKeyId: string | null
  readonly policies: readonly string[]
  readonly policyMappings: readonly PolicyMapping[]
  readonly policyConstraints: PolicyConstraints | null
  /** How many more certificates may follow before anyPolicy stands for nothing; `null` without the extension. */
  readonly inhibitAnyPolicy: number | null
  readonly nameConstraints: NameConstraints | null
  /** Where the issuer says its CRLs are. `null` without the extension. */
  readonly distributionPoints: readonly DistributionPoint[] | null
  /** URIs where the issuer says that OCSP is answered (RFC 5280 §4.2.2.1). */
  readonly ocspUris: readonly string[]
  /** The holder answers OCSP and is not itself asked about (RFC 6960 §4.2.2.2.1). */
  readonly ocspNoCheck: boolean
  /** OID of the first critical extension that is not understood here. */
  readonly unknownCritical: string | null
}

/** Certificates have about ten. */
const MAX_EXTENSIONS = 48
const MAX_LISTED = 64
const OCSP = '1.3.6.1.5.5.7.48.1'

type Draft = { -readonly [K in keyof CertificateExtensions]: CertificateExtensions[K] }

export const NO_EXTENSIONS: CertificateExtensions = Object.freeze({
  sans: null,
  isCa: false,
  pathLength: null,
  keyUsage: null,
  extendedKeyUsage: null,
  subjectKeyId: null,
  authorityKeyId: null,
  policies: [],
  policyMappings: [],
  policyConstraints: null,
  inhibitAnyPolicy: null,
  nameConstraints: null,
  distributionPoints: null,
  ocspUris: [],
  ocspNoCheck: false,
  unknownCritical: null,
})

const READERS: ReadonlyMap<string, (value: DerReader, draft: Draft) => void> = new Map<string, (value: DerReader, draft: Draft) => void>([
  ['2.5.29.14', readSubjectKeyId],
  ['2.5.29.15', readKeyUsage],
  ['2.5.29.17', readSubjectAltName],
  ['2.5.29.19', readBasicConstraints],
  ['2.5.29.30', readConstraints],
  ['2.5.29.31', readDistributionPoints],
  ['2.5.29.32', readPolicies],
  ['2.5.29.33', readMappings],
  ['2.5.29.35', readAuthorityKeyId],
  ['2.5.29.36', readPolicyLimits],
  ['2.5.29.37', readExtendedKeyUsage],
  ['2.5.29.54', readInhibitAnyPolicy],
  ['1.3.6.1.5.5.7.1.1', readAuthorityInfoAccess],
  ['1.3.6.1.5.5.7.48.1.5', readOcspNoCheck],
])

/** Critical and accepted: those we enforce. RFC 5280 §4.2 leaves no choice about any other. */
const UNDERSTOOD: ReadonlySet<string> = new Set([
  '2.5.29.15',
  '2.5.29.17',
  '2.5.29.19',
  '2.5.29.30',
  '2.5.29.32',
  '2.5.29.33',
  '2.5.29.36',
  '2.5.29.37',
  '2.5.29.54',
])

/** Reads `SEQUENCE OF Extension` up to the end of the reader. */
export function readExtensions(reader: DerReader): CertificateExtensions {
  const list = reader.take(DER_TAG.sequence).enter()
  reader.finish()
  const draft: Draft = { ...NO_EXTENSIONS }
  const seen = new Set<string>()
  do {
    const extension = list.take(DER_TAG.sequence).enter()
    const oid = readOid(extension)
    // RFC 5280 §4.2: one extension of a kind.
    if (seen.size >= MAX_EXTENSIONS || seen.has(oid)) throw new DerError('an extension twice, or too many')
    seen.add(oid)
    const critical = extension.isNext(DER_TAG.boolean) && readBoolean(extension)
    const value = extension.take(DER_TAG.octetString).enter()
    extension.finish()
    const read = READERS.get(oid)
    if (read !== undefined) {
      read(value, draft)
      value.finish()
    }
    if (critical && !UNDERSTOOD.has(oid)) draft.unknownCritical ??= oid
  } while (!list.atEnd)
  return draft
}

/** Frozen, and without the room to grow that a list which was pushed to has: it is kept for every peer. */
function fixed<T>(list: readonly T[]): readonly T[] {
  return Object.freeze(list.slice())
}

function readSubjectKeyId(value: DerReader, draft: Draft): void {
  draft.subjectKeyId = hexFrom(value.take(DER_TAG.octetString).content())
}

// RFC 5280 §4.2.1.1: only the key identifier helps to find the issuer; the other two fields may stand beside it.
function readAuthorityKeyId(value: DerReader, draft: Draft): void {
  const inner = value.take(DER_TAG.sequence).enter()
  if (inner.optional(contextTag(0, 'primitive'))) draft.authorityKeyId = hexFrom(inner.content())
  inner.optional(contextTag(1, 'constructed'))
  inner.optional(contextTag(2, 'primitive'))
  inner.finish()
}

/** @see https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.3 */
function readKeyUsage(value: DerReader, draft: Draft): void {
  const { bytes } = readBitString(value)
  // Nine bits have a name.
  if (bytes.length > 2) throw new DerError('a key usage of more bits than there are')
  const usages = KEY_USAGES.filter((_, bit) => ((bytes[bit >> 3] ?? 0) & (0x80 >> (bit & 7))) !== 0)
  if (usages.length === 0) throw new DerError('a key usage that allows nothing')
  draft.keyUsage = fixed(usages)
}

function readSubjectAltName(value: DerReader, draft: Draft): void {
  const sans = readGeneralNames(value.take(DER_TAG.sequence).enter())
  if ([...sans.dns, ...sans.uri, ...sans.email].includes('')) throw new DerError('an empty name')
  if (sans.ip.some((address) => address.length !== 4 && address.length !== 16)) throw new DerError('an address of another size')
  draft.sans = sans
}

/** @see https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.9 */
function readBasicConstraints(value: DerReader, draft: Draft): void {
  const inner = value.take(DER_TAG.sequence).enter()
  draft.isCa = inner.isNext(DER_TAG.boolean) && readBoolean(inner)
  if (!inner.atEnd) draft.pathLength = readSmallInteger(inner)
  inner.finish()
  if (draft.pathLength !== null && !draft.isCa) throw new DerError('a path length of what is no CA')
}

function readConstraints(value: DerReader, draft: Draft): void {
  draft.nameConstraints = readNameConstraints(value)
}

function readPolicies(value: DerReader, draft: Draft): void {
  draft.policies = fixed(readCertificatePolicies(value))
}

function readMappings(value: DerReader, draft: Draft): void {
  draft.policyMappings = readPolicyMappings(value)
}

function readPolicyLimits(value: DerReader, draft: Draft): void {
  draft.policyConstraints = readPolicyConstraints(value)
}

/** @see https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.14 */
function readInhibitAnyPolicy(value: DerReader, draft: Draft): void {
  draft.inhibitAnyPolicy = readSkip(value)
}

function readExtendedKeyUsage(value: DerReader, draft: Draft): void {
  draft.extendedKeyUsage = fixed(readOidList(value.take(DER_TAG.sequence).enter(), readOid))
}

function readOidList(list: DerReader, readOne: (list: DerReader) => string): string[] {
  const oids: string[] = []
  do {
    oids.push(readOne(list))
    if (oids.length > MAX_LISTED) throw new DerError('a list that is too long')
  } while (!list.atEnd)
  return oids
}

/** @see https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.13 */
function readDistributionPoints(value: DerReader, draft: Draft): void {
  draft.distributionPoints = readDistributionPointList(value)
}

/** @see https://www.rfc-editor.org/rfc/rfc5280#section-4.2.2.1 */
function readAuthorityInfoAccess(value: DerReader, draft: Draft): void {
  const list = value.take(DER_TAG.sequence).enter()
  const uris: string[] = []
  let count = 0
  do {
    const description = list.take(DER_TAG.sequence).enter()
    const method = readOid(description)
    const names = emptyNames()
    readGeneralName(description, names)
    description.finish()
    if (method === OCSP) uris.push(...names.uri)
    if (++count > MAX_LISTED) throw new DerError('a list that is too long')
  } while (!list.atEnd)
  if (uris.length > 0) draft.ocspUris = fixed(uris)
}

function readOcspNoCheck(value: DerReader, draft: Draft): void {
  readOptionalNull(value)
  draft.ocspNoCheck = true
}
