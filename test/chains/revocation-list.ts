import { DAY_MS, extension, NOW_MS, OID } from './certificate.js'
import { bits, boolean, bytes, der, integer, octets, oid, sequence, time } from './der.js'
import { type Key, type Signature, signWith } from './keys.js'

/** Everything that a CRL says. */
export interface ListSpec {
  readonly issuer: Uint8Array
  signer: Key
  signature: Signature
  version: Uint8Array | null
  thisUpdate: Uint8Array
  nextUpdate: Uint8Array | null
  /** Complete INTEGERs. */
  serials: readonly Uint8Array[]
  entryExtensions: Uint8Array | null
  extensions: readonly Uint8Array[]
}

/** What a well-behaved issuer writes. */
export function listSpec(issuer: Uint8Array, key: Key, serials: readonly Uint8Array[]): ListSpec {
  return {
    issuer,
    signer: key,
    signature: key.signature,
    version: integer(1),
    thisUpdate: time(NOW_MS - DAY_MS),
    nextUpdate: time(NOW_MS + DAY_MS),
    serials,
    entryExtensions: null,
    extensions: [
      listExtension(OID.authorityKeyId, false, sequence(der(0x80, key.keyId))),
      listExtension(LIST_OID.number, false, integer(7)),
    ],
  }
}

export const LIST_OID = {
  number: '2.5.29.20',
  reason: '2.5.29.21',
  deltaIndicator: '2.5.29.27',
  issuingDistributionPoint: '2.5.29.28',
} as const

export function listExtension(type: string, critical: boolean, value: Uint8Array): Uint8Array {
  const { critical: flag } = extension(type, critical, value)
  return sequence(oid(type), ...(flag === null ? [] : [flag]), octets(value))
}

export function listFrom(spec: ListSpec): Uint8Array {
  const { algorithm, digest } = spec.signature
  const entries = spec.serials.map((serial) =>
    sequence(serial, time(NOW_MS - DAY_MS), ...(spec.entryExtensions === null ? [] : [spec.entryExtensions])),
  )
  const signed = sequence(
    ...(spec.version === null ? [] : [spec.version]),
    algorithm,
    spec.issuer,
    spec.thisUpdate,
    ...(spec.nextUpdate === null ? [] : [spec.nextUpdate]),
    ...(entries.length === 0 ? [] : [sequence(...entries)]),
    ...(spec.extensions.length === 0 ? [] : [der(0xa0, sequence(...spec.extensions))]),
  )
  return sequence(signed, algorithm, bits(signWith(spec.signer, signed, digest)))
}

const scope = (...flags: readonly Uint8Array[]): Uint8Array => listExtension(LIST_OID.issuingDistributionPoint, true, sequence(...flags))

/** What may be wrong with a list, or limit it. */
export const LIST_CHANGES: Readonly<Record<string, (spec: ListSpec, other: Key) => void>> = {
  'out of date': (spec) => void Object.assign(spec, { nextUpdate: time(NOW_MS - 3_600_000) }),
  'not yet valid': (spec) => void Object.assign(spec, { thisUpdate: time(NOW_MS + 3_600_000) }),
  'without an end': (spec) => void Object.assign(spec, { nextUpdate: null }),
  'of another key': (spec, other) => void Object.assign(spec, { signer: other, signature: other.signature }),
  'without a number': (spec) => void Object.assign(spec, { extensions: spec.extensions.slice(0, 1) }),
  'of version 1': (spec) => void Object.assign(spec, { version: null, extensions: [] }),
  'without extensions': (spec) => void Object.assign(spec, { extensions: [] }),
  'of users only': (spec) => add(spec, scope(der(0x81, bytes(255)))),
  'of authorities only': (spec) => add(spec, scope(der(0x82, bytes(255)))),
  'of attribute certificates only': (spec) => add(spec, scope(der(0x85, bytes(255)))),
  indirect: (spec) => add(spec, scope(der(0x84, bytes(255)))),
  'of a distribution point': (spec) => add(spec, scope(der(0xa0, der(0xa0, der(0x86, Buffer.from('http://crl.example.com/x')))))),
  'of some reasons': (spec) => add(spec, scope(der(0x83, bytes(1, 0x40)))),
  'a delta': (spec) => add(spec, listExtension(LIST_OID.deltaIndicator, true, integer(3))),
  'with a critical extension unheard of': (spec) => add(spec, listExtension('1.3.6.1.4.1.99999.2', true, integer(1))),
  'with a reason': (spec) =>
    void Object.assign(spec, { entryExtensions: sequence(listExtension(LIST_OID.reason, false, der(0x0a, bytes(1)))) }),
  'with a critical entry extension unheard of': (spec) =>
    void Object.assign(spec, { entryExtensions: sequence(listExtension('1.3.6.1.4.1.99999.3', true, integer(1))) }),
  'with BER in an extension': (spec) => add(spec, sequence(oid('1.2.3.8'), der(1, bytes(1)), octets(boolean(true)))),
}

function add(spec: ListSpec, one: Uint8Array): void {
  spec.extensions = [...spec.extensions, one]
}
