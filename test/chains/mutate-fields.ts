import { attributeFrom, type CertificateSpec, DAY_MS, NOW_MS, nameFrom } from './certificate.js'
import {
  bits,
  boolean,
  bytes,
  der,
  generalizedTime,
  integer,
  NULL,
  octets,
  oid,
  sequence,
  set,
  text,
  time,
  withIndefiniteLength,
  withLongLength,
} from './der.js'
import { SIGNATURE } from './keys.js'
import { type Mutation, oneOf, put, type Way } from './mutation.js'

/** A part of the certificate as it is to be instead. */
function setting(part: Partial<CertificateSpec>): Way {
  return (spec) => void Object.assign(spec, part)
}

const YEAR_MS = 365 * DAY_MS

const version = oneOf('version', {
  '1 with extensions': setting({ version: null }),
  '1 without extensions': setting({ version: null, extensions: null }),
  '1 written out': setting({ version: integer(0) }),
  '2 with extensions': setting({ version: integer(1) }),
  '2 without extensions': setting({ version: integer(1), extensions: null }),
  '4': setting({ version: integer(3) }),
  '3 without extensions': setting({ extensions: null }),
})

const serial = oneOf('serial', {
  zero: setting({ serial: integer(0) }),
  negative: setting({ serial: der(2, bytes(0x81, 0x05)) }),
  '20 octets': setting({ serial: der(2, bytes(0x7f, ...Array<number>(19).fill(7))) }),
  '20 octets and a zero': setting({ serial: der(2, bytes(0, 0x80, ...Array<number>(19).fill(7))) }),
  '21 octets': setting({ serial: der(2, bytes(0x01, ...Array<number>(20).fill(7))) }),
  'not shortest': setting({ serial: der(2, bytes(0, 0, 5)) }),
  empty: setting({ serial: der(2) }),
})

const validity = oneOf('validity', {
  expired: setting({ notAfter: time(NOW_MS - 3_600_000) }),
  'not yet': setting({ notBefore: time(NOW_MS + 3_600_000) }),
  swapped: (spec) => void Object.assign(spec, { notBefore: spec.notAfter, notAfter: spec.notBefore }),
  'ends this second': setting({ notAfter: time(NOW_MS) }),
  'ended a second ago': setting({ notAfter: time(NOW_MS - 1000) }),
  'begins this second': setting({ notBefore: time(NOW_MS) }),
  'begins in a second': setting({ notBefore: time(NOW_MS + 1000) }),
  'GeneralizedTime before 2050': setting({ notAfter: generalizedTime(NOW_MS + DAY_MS) }),
  'far away': setting({ notAfter: time(NOW_MS + 100 * YEAR_MS) }),
  'no end': setting({ notAfter: text('99991231235959Z', 0x18) }),
  'from 1950': setting({ notBefore: text('500101000000Z', 0x17) }),
  'UTCTime with an offset': setting({ notAfter: text('270101000000+0000', 0x17) }),
  'UTCTime without seconds': setting({ notAfter: text('2701010000Z', 0x17) }),
  fractions: setting({ notAfter: text('20270101000000.5Z', 0x18) }),
  'a day that is none': setting({ notAfter: text('270230000000Z', 0x17) }),
  letters: setting({ notAfter: text('2701010000zzZ', 0x17) }),
  'another type': setting({ notAfter: integer(7) }),
})

/** Of the leaf: nobody looks for it by name. */
export const subject = oneOf('subject', {
  empty: setting({ subject: sequence() }),
  'empty, SAN critical': (spec) => {
    spec.subject = sequence()
    const san = spec.extensions?.find(({ oid: type }) => type === '2.5.29.17')
    if (san !== undefined) san.critical = boolean(true)
  },
  'host name': setting({ subject: nameFrom(['CN', 'other.example.net']) }),
  'host name permitted': setting({ subject: nameFrom(['CN', 'a.example.com']) }),
  'email address': setting({ subject: nameFrom(['CN', 'x'], ['E', 'x@mail.example.com']) }),
  'email address elsewhere': setting({ subject: nameFrom(['CN', 'x'], ['E', 'x@elsewhere.example']) }),
  'two values in an RDN': setting({ subject: sequence(set(attributeFrom(['CN', 'x']), attributeFrom(['OU', 'y']))) }),
  'wrong order in a SET': setting({ subject: sequence(set(attributeFrom(['OU', 'y']), attributeFrom(['CN', 'x']))) }),
  'an empty SET': setting({ subject: sequence(set()) }),
  BMPString: setting({ subject: nameFrom(['CN', '\0a\0b', 0x1e]) }),
  'BMPString of odd length': setting({ subject: nameFrom(['CN', '\0a\0', 0x1e]) }),
  TeletexString: setting({ subject: nameFrom(['CN', '\xe9', 0x14]) }),
  'bad UTF-8': setting({ subject: sequence(set(sequence(oid('2.5.4.3'), der(0x0c, bytes(0xff, 0xfe))))) }),
  'PrintableString with what is not printable': setting({ subject: nameFrom(['CN', 'a@b*c', 0x13]) }),
  'a NUL': setting({ subject: nameFrom(['CN', 'a\0b']) }),
})

/** As the issuer of a certificate: the same name to a person, another to a machine perhaps. */
export const issuer = oneOf('issuer', {
  'another name': setting({ issuer: nameFrom(['O', 'Nobody'], ['CN', 'Nobody']) }),
  empty: setting({ issuer: sequence() }),
  'one attribute more': (spec) => void Object.assign(spec, { issuer: sequence(contentOf(spec.issuer), set(attributeFrom(['OU', 'x']))) }),
  'one attribute less': (spec) =>
    void Object.assign(spec, { issuer: sequence(contentOf(spec.issuer).subarray(0, firstLength(spec.issuer))) }),
  'turned round': (spec) => {
    const content = contentOf(spec.issuer)
    const first = firstLength(spec.issuer)
    spec.issuer = sequence(content.subarray(first), content.subarray(0, first))
  },
  'another case': (spec) => void Object.assign(spec, { issuer: letters(spec.issuer, (letter) => letter ^ 0x20) }),
})

function contentOf(element: Uint8Array): Uint8Array {
  const first = element[1] ?? 0
  return element.subarray(first < 0x80 ? 2 : 2 + (first & 0x7f))
}

function firstLength(name: Uint8Array): number {
  return 2 + (contentOf(name)[1] ?? 0)
}

function letters(element: Uint8Array, change: (letter: number) => number): Uint8Array {
  // The last value alone: the common name.
  const copy = Uint8Array.from(element)
  const at = copy.length - 1
  copy[at] = change(copy[at] ?? 0)
  return copy
}

const signature = oneOf('signature', {
  'a bit flipped': (spec, { random }) => {
    const bit = random.below(400)
    spec.spoil = (value) => Uint8Array.from(value, (octet, at) => (at === (bit >> 3) % value.length ? octet ^ (1 << (bit & 7)) : octet))
  },
  empty: setting({ spoil: () => bytes() }),
  'cut off': setting({ spoil: (value) => value.subarray(0, -1) }),
  longer: setting({ spoil: (value) => Buffer.concat([value, bytes(0)]) }),
  'of another key': (spec, { keys }) => {
    spec.signer = keys.of(spec.signer.kind, 1000)
  },
  'another algorithm inside': setting({ innerAlgorithm: SIGNATURE.ecdsaSha512.algorithm }),
  'with a parameter inside': setting({ innerAlgorithm: sequence(oid('1.2.840.10045.4.3.2'), NULL) }),
  'SHA-1': (spec) => {
    if (spec.signer.kind.startsWith('rsa')) spec.signature = SIGNATURE.rsaSha1
    else if (spec.signer.kind !== 'ed25519') spec.signature = SIGNATURE.ecdsaSha1
  },
  'SHA-512': (spec) => {
    if (spec.signer.kind.startsWith('rsa')) spec.signature = SIGNATURE.rsaSha512
    else if (spec.signer.kind !== 'ed25519') spec.signature = SIGNATURE.ecdsaSha512
  },
  'a parameter that is not one': (spec) => {
    const { algorithm, digest } = spec.signature
    spec.signature = { algorithm: sequence(contentOf(algorithm), NULL), digest }
  },
  'of an algorithm for another key': (spec) =>
    void Object.assign(spec, { signature: { ...spec.signature, algorithm: SIGNATURE.ed25519.algorithm } }),
  'of an algorithm unheard of': (spec) =>
    void Object.assign(spec, { signature: { ...spec.signature, algorithm: sequence(oid('1.2.3.4')) } }),
  'not of whole octets': (spec) => {
    spec.wrap = (whole) => relabelUnused(Uint8Array.from(whole))
  },
})

/** Says that three bits of the signature are not used. */
function relabelUnused(whole: Uint8Array): Uint8Array {
  // The BIT STRING is the last element: it ends with the whole, and begins with its tag and length.
  for (let at = whole.length - 3; at > 0; at--) {
    const length = whole[at + 1] ?? 0
    const header = length < 0x80 ? 2 : length === 0x81 ? 3 : 4
    const size = length < 0x80 ? length : length === 0x81 ? (whole[at + 2] ?? 0) : ((whole[at + 2] ?? 0) << 8) | (whole[at + 3] ?? 0)
    if (whole[at] === 0x03 && at + header + size === whole.length && whole[at + header] === 0) {
      whole[at + header] = 3
      whole[whole.length - 1] = (whole[whole.length - 1] ?? 0) & 0xf8
      return whole
    }
  }
  return whole
}

const key = oneOf('key', {
  'RSA 1024': (spec, { keys }) => withSpki(spec, keys.of('rsa1024', 0).spki),
  'RSA 2048': (spec, { keys }) => withSpki(spec, keys.of('rsa2048', 2).spki),
  'P-384': (spec, { keys }) => withSpki(spec, keys.of('p384', 2).spki),
  'P-521': (spec, { keys }) => withSpki(spec, keys.of('p521', 0).spki),
  'P-224': (spec, { keys }) => withSpki(spec, keys.of('p224', 0).spki),
  secp256k1: (spec, { keys }) => withSpki(spec, keys.of('secp256k1', 0).spki),
  Ed25519: (spec, { keys }) => withSpki(spec, keys.of('ed25519', 3).spki),
  'last bit flipped': (spec) =>
    withSpki(
      spec,
      Uint8Array.from(spec.spki, (octet, at) => (at === spec.spki.length - 1 ? octet ^ 1 : octet)),
    ),
  'a point cut off': (spec) =>
    withSpki(spec, sequence(sequence(oid('1.2.840.10045.2.1'), oid('1.2.840.10045.3.1.7')), bits(bytes(4, ...Array<number>(63).fill(9))))),
  'of an algorithm unheard of': (spec) => withSpki(spec, sequence(sequence(oid('1.2.3.5')), bits(bytes(1, 2, 3)))),
  'RSA with an even modulus': (spec) => withSpki(spec, rsaSpki(2n ** 2047n + 2n, 65_537n)),
  'RSA with exponent 1': (spec) => withSpki(spec, rsaSpki(2n ** 2047n + 1n, 1n)),
  'RSA with a huge exponent': (spec) => withSpki(spec, rsaSpki(2n ** 2047n + 1n, 2n ** 1000n + 1n)),
})

function rsaSpki(modulus: bigint, exponent: bigint): Uint8Array {
  return sequence(sequence(oid('1.2.840.113549.1.1.1'), NULL), bits(sequence(integer(modulus), integer(exponent))))
}

function withSpki(spec: CertificateSpec, spki: Uint8Array): void {
  spec.spki = spki
}

const encoding = oneOf('encoding', {
  'octets after it': setting({ wrap: (whole) => Buffer.concat([whole, bytes(0, 0)]) }),
  'a longer length than needed': setting({ wrap: withLongLength }),
  'a longer length inside': setting({ shape: (signed) => withLongLength(signed) }),
  'an indefinite length': setting({ wrap: withIndefiniteLength }),
  'an indefinite length inside': setting({ shape: (signed) => withIndefiniteLength(signed) }),
  'a longer length of the subject': (spec) => void Object.assign(spec, { subject: withLongLength(spec.subject) }),
  'a longer length of the serial': (spec) => void Object.assign(spec, { serial: withLongLength(spec.serial) }),
  'cut off': setting({ wrap: (whole) => whole.subarray(0, -1) }),
  'an element too many': setting({ beforeExtensions: [integer(1)] }),
  'unique identifiers': setting({ beforeExtensions: [der(0x81, bytes(0, 1)), der(0x82, bytes(0, 2))] }),
  'no extension in the list': (spec) => void Object.assign(spec, { extensions: [] }),
  'an extension of BER': (spec) => put(spec, { oid: '1.2.3.7', critical: der(1, bytes(1)), value: octets(bytes()) }),
  'critical FALSE written out': (spec) => put(spec, { oid: '1.2.3.7', critical: boolean(false), value: NULL }),
})

/** What may be done to any certificate. */
export const FIELD_MUTATIONS: readonly Mutation[] = [version, serial, validity, signature, key, encoding]
