import { authoritySpec, type CertificateSpec, certificateFrom, extension, general, leafSpec, nameFrom, OID } from '../chains/certificate.js'
import { bits, bytes, der, integer, NULL, octets, oid, sequence, set } from '../chains/der.js'
import { createKeyPool } from '../chains/keys.js'

/** Who issues what is hostile: its own authority, that it may be signed at all. */
export interface Hostile {
  readonly name: string
  readonly der: Uint8Array
}

const keys = createKeyPool()
export const ROOT = { name: nameFrom(['O', 'Shop'], ['CN', 'root']), key: keys.of('p256', 0) }
export const ROOT_DER = certificateFrom(authoritySpec(ROOT.name, ROOT.key, ROOT, 1))
const SANS = [general.uri('spiffe://prod.example/orders')]

/** A leaf of the root that is good but for what is changed. */
export function leafWith(change: (spec: CertificateSpec) => void): Uint8Array {
  const spec = leafSpec(nameFrom(['O', 'Shop'], ['CN', 'leaf']), keys.of('p256', 1), ROOT, 2, SANS)
  change(spec)
  return certificateFrom(spec)
}

export const GOOD_LEAF = leafWith(() => {})

/** An authority below the root, and a leaf below it, both good but for what is changed in the authority. */
export function authorityWith(change: (spec: CertificateSpec) => void): { readonly authority: Uint8Array; readonly leaf: Uint8Array } {
  const middle = { name: nameFrom(['O', 'Shop'], ['CN', 'middle']), key: keys.of('p256', 2) }
  const spec = authoritySpec(middle.name, middle.key, ROOT, 3)
  change(spec)
  const leaf = certificateFrom(leafSpec(nameFrom(['O', 'Shop'], ['CN', 'leaf']), keys.of('p256', 1), middle, 4, SANS))
  return { authority: certificateFrom(spec), leaf }
}

function nested(depth: number, tag = 0x30): Uint8Array {
  let inner: Uint8Array = NULL
  for (let level = 0; level < depth; level++) inner = der(tag, inner)
  return inner
}

const MANY = 10_000

/** Octets that are no certificate. */
export const BARE: readonly Hostile[] = [
  { name: 'no octet', der: bytes() },
  { name: 'a tag alone', der: bytes(0x30) },
  { name: 'four gigabytes, it says', der: bytes(0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 1, 2, 3) },
  { name: 'more than there is', der: bytes(0x30, 0x82, 0x10, 0x00, 0x30, 0x03) },
  { name: 'a length of eight octets', der: bytes(0x30, 0x88, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff) },
  { name: 'a length of 126 octets', der: bytes(0x30, 0xfe, ...Array<number>(126).fill(0xff)) },
  { name: 'an endless length', der: bytes(0x30, 0x80, 0x30, 0x80, 0x30, 0x80) },
  { name: 'a tag of many octets', der: bytes(0x3f, ...Array<number>(1000).fill(0xff), 1) },
  { name: 'sequences in sequences', der: nested(MANY) },
  { name: 'sequences in sequences, endless', der: Uint8Array.from(Array.from({ length: MANY }, () => [0x30, 0x80]).flat()) },
  { name: 'ten thousand elements', der: sequence(...Array.from({ length: MANY }, () => NULL)) },
  { name: 'zeros', der: new Uint8Array(60_000) },
  { name: 'a megabyte', der: sequence(octets(new Uint8Array(1_000_000))) },
]

const ecKey = (curve: string, point: Uint8Array): Uint8Array => sequence(sequence(oid('1.2.840.10045.2.1'), oid(curve)), bits(point))
const rsaKey = (modulus: Uint8Array, exponent: Uint8Array): Uint8Array =>
  sequence(sequence(oid('1.2.840.113549.1.1.1'), NULL), bits(sequence(modulus, exponent)))
const P256 = '1.2.840.10045.3.1.7'
const fill = (count: number, value: number): number[] => Array<number>(count).fill(value)

/** Public keys at which one reader or another stumbled: some ended old Node (CVE-2023-30588), some take long to use. */
export const KEYS: readonly { readonly name: string; readonly spki: Uint8Array }[] = [
  { name: 'nothing', spki: sequence() },
  { name: 'a point without octets', spki: ecKey(P256, bytes()) },
  { name: 'the point at infinity', spki: ecKey(P256, bytes(0)) },
  { name: 'a point of zeros', spki: ecKey(P256, bytes(4, ...fill(64, 0))) },
  { name: 'a point beyond the field', spki: ecKey(P256, bytes(4, ...fill(64, 0xff))) },
  { name: 'a compressed point off the curve', spki: ecKey(P256, bytes(2, ...fill(32, 5))) },
  { name: 'a hybrid point', spki: ecKey(P256, bytes(6, ...fill(64, 1))) },
  { name: 'a point of another curve', spki: ecKey('1.3.132.0.34', bytes(4, ...fill(64, 1))) },
  { name: 'parameters written out', spki: sequence(sequence(oid('1.2.840.10045.2.1'), sequence(integer(1))), bits(bytes(4, 1, 2))) },
  { name: 'a curve of no name', spki: ecKey('1.2.3.4.5', bytes(4, ...fill(64, 1))) },
  { name: 'an EC key without parameters', spki: sequence(sequence(oid('1.2.840.10045.2.1')), bits(bytes(4, ...fill(64, 1)))) },
  { name: 'modulus zero', spki: rsaKey(integer(0), integer(65_537)) },
  { name: 'modulus one', spki: rsaKey(integer(1), integer(65_537)) },
  { name: 'a modulus below zero', spki: rsaKey(der(2, bytes(...fill(256, 0xff))), integer(65_537)) },
  { name: 'an even modulus', spki: rsaKey(integer(2n ** 2048n), integer(65_537)) },
  { name: 'a modulus of 65,536 bits', spki: rsaKey(integer(2n ** 65_535n + 1n), integer(65_537)) },
  { name: 'exponent zero', spki: rsaKey(integer(2n ** 2047n + 1n), integer(0)) },
  { name: 'exponent one', spki: rsaKey(integer(2n ** 2047n + 1n), integer(1)) },
  { name: 'an even exponent', spki: rsaKey(integer(2n ** 2047n + 1n), integer(65_536)) },
  { name: 'an exponent of 4,096 bits', spki: rsaKey(integer(2n ** 4095n + 1n), integer(2n ** 4095n + 1n)) },
  { name: 'an RSA key that is no sequence', spki: sequence(sequence(oid('1.2.840.113549.1.1.1'), NULL), bits(bytes(1, 2, 3))) },
  {
    name: 'PSS with parameters of garbage',
    spki: sequence(
      sequence(oid('1.2.840.113549.1.1.10'), sequence(integer(7))),
      bits(sequence(integer(2n ** 2047n + 1n), integer(65_537))),
    ),
  },
  { name: 'DSA without parameters', spki: sequence(sequence(oid('1.2.840.10040.4.1')), bits(integer(5))) },
  {
    name: 'DSA of zeros',
    spki: sequence(sequence(oid('1.2.840.10040.4.1'), sequence(integer(0), integer(0), integer(0))), bits(integer(0))),
  },
  { name: 'Ed25519 of 31 octets', spki: sequence(sequence(oid('1.3.101.112')), bits(bytes(...fill(31, 1)))) },
  { name: 'Ed25519 of small order', spki: sequence(sequence(oid('1.3.101.112')), bits(bytes(...fill(32, 0)))) },
  { name: 'X25519', spki: sequence(sequence(oid('1.3.101.110')), bits(bytes(...fill(32, 9)))) },
  { name: 'bits that are not in use', spki: sequence(sequence(oid('1.3.101.112')), der(3, bytes(7, ...fill(32, 0xff)))) },
]

const nameOf = (count: number): Uint8Array => nameFrom(...Array.from({ length: count }, (_, at) => ['CN', `part ${at}`] as const))
const bigName = (): Uint8Array => sequence(set(sequence(oid('2.5.4.3'), der(0x0c, Buffer.alloc(40_000, 0x41)))))
const longArc = (octetsOfArc: number): Uint8Array => der(6, bytes(0x69, ...fill(octetsOfArc, 0xff), 0x7f))

/** What is done to one field of a good certificate. */
export const FIELDS: Readonly<Record<string, (spec: CertificateSpec) => void>> = {
  'an OID of forty thousand octets': (spec) =>
    void Object.assign(spec, { subject: sequence(set(sequence(der(6, new Uint8Array(40_000).fill(1)), der(12)))) }),
  'an arc of a thousand octets': (spec) => void Object.assign(spec, { subject: sequence(set(sequence(longArc(1000), der(12)))) }),
  'an OID that is cut off': (spec) => void Object.assign(spec, { subject: sequence(set(sequence(der(6, bytes(0x55, 0x84)), der(12)))) }),
  'an extension of a long OID': (spec) =>
    void Object.assign(spec, { beforeExtensions: [der(0xa3, sequence(sequence(longArc(500), octets(NULL))))], extensions: null }),
  'a name of two thousand attributes': (spec) => void Object.assign(spec, { subject: nameOf(2000) }),
  'a name of forty thousand letters and another': (spec) => void Object.assign(spec, { subject: Buffer.concat([bigName(), bigName()]) }),
  'a name in a name in a name': (spec) => void add(spec, OID.subjectAltName, sequence(general.directory(nested(5000, 0x31)))),
  'four thousand names': (spec) =>
    void add(spec, OID.subjectAltName, sequence(...Array.from({ length: 4000 }, () => general.dns('a.example')))),
  'an extension of nested sequences': (spec) => void add(spec, OID.nameConstraints, nested(8000)),
  'a thousand extensions': (spec) => {
    for (let at = 0; at < 1000; at++) spec.extensions?.push(extension(`1.3.6.1.4.1.99999.${at}`, false, NULL))
  },
  'a thousand purposes': (spec) =>
    void add(spec, OID.extendedKeyUsage, sequence(...Array.from({ length: 1000 }, (_, at) => oid(`1.2.3.${at}`)))),
  'a thousand policies': (spec) =>
    void add(spec, OID.policies, sequence(...Array.from({ length: 1000 }, (_, at) => sequence(oid(`1.2.3.${at}`))))),
  'a thousand distribution points': (spec) =>
    void add(
      spec,
      OID.distributionPoints,
      sequence(...Array.from({ length: 1000 }, () => sequence(der(0xa0, der(0xa0, general.uri('http://a.example/')))))),
    ),
  'a key usage of a thousand zeros': (spec) => void add(spec, OID.keyUsage, bits(new Uint8Array(1000))),
  'a version of a thousand octets': (spec) => void Object.assign(spec, { version: der(2, new Uint8Array(1000).fill(0x7f)) }),
  'a serial number of thirty thousand octets': (spec) => void Object.assign(spec, { serial: der(2, new Uint8Array(30_000).fill(0x7f)) }),
  'a path length of a thousand octets': (spec) =>
    void add(spec, OID.basicConstraints, sequence(der(1, bytes(255)), der(2, new Uint8Array(1000).fill(0x7f)))),
  'a time of a thousand octets': (spec) => void Object.assign(spec, { notAfter: der(0x17, Buffer.alloc(1000, 0x39)) }),
  'a year that is none': (spec) => void Object.assign(spec, { notAfter: der(0x18, Buffer.from('99999999999999Z')) }),
  'octets behind it': (spec) => void Object.assign(spec, { wrap: (whole: Uint8Array) => Buffer.concat([whole, whole]) }),
  'a signature of nothing': (spec) => void Object.assign(spec, { spoil: () => bytes() }),
  'a signature of thirty thousand octets': (spec) => void Object.assign(spec, { spoil: () => new Uint8Array(30_000) }),
}

function add(spec: CertificateSpec, type: string, value: Uint8Array): void {
  spec.extensions = [...(spec.extensions ?? []).filter((one) => one.oid !== type), extension(type, true, value)]
}
