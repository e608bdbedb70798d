import { createHash, createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto'
import { type CertificateKey, DER_TAG } from '@countersign/core'
import { DerError, DerReader } from '../der/der-reader.js'
import { readOctetAlignedBitString, readOid, readOptionalNull, readPositiveInteger } from '../der/der-values.js'
import { isOnCurve, NIST_CURVES } from './nist-curve.js'

/** A SubjectPublicKeyInfo, read by us before OpenSSL sees it: an odd key can cost milliseconds or the process. */
export interface PublicKeyInfo {
  readonly description: CertificateKey
  readonly spki: Uint8Array
  /** Why no signature is verified with it; `null` where nothing speaks against it but perhaps its size. */
  readonly flaw: string | null
  /** Its numbers or octets, where OpenSSL takes them faster than the whole: modulus and exponent, coordinates, or the key. */
  readonly parts: readonly Uint8Array[] | null
}

/** Verification with 8,192 bits takes 0.2 ms; it grows with the square. */
const MAX_RSA_BITS = 8192
/** NIST SP 800-56B has 2^256 as the upper bound; nobody uses more than 32 bits, and each bit costs. */
const MAX_EXPONENT_OCTETS = 4

type ModuleKey = 'ml-dsa-44' | 'ml-dsa-65' | 'ml-dsa-87'

/** RFC 9881 §2; FIPS 204 table 2. Runtimes whose OpenSSL does not know them (before Node 24) take no such key. */
const ML_DSA: ReadonlyMap<string, { readonly type: ModuleKey; readonly octets: number }> = new Map([
  ['2.16.840.1.101.3.4.3.17', { type: 'ml-dsa-44', octets: 1312 }],
  ['2.16.840.1.101.3.4.3.18', { type: 'ml-dsa-65', octets: 1952 }],
  ['2.16.840.1.101.3.4.3.19', { type: 'ml-dsa-87', octets: 2592 }],
])

export function readPublicKey(reader: DerReader): PublicKeyInfo {
  const spki = reader.take(DER_TAG.sequence).whole()
  const inner = reader.enter()
  const algorithm = inner.take(DER_TAG.sequence).enter()
  const oid = readOid(algorithm)
  switch (oid) {
    case '1.2.840.113549.1.1.1':
      readOptionalNull(algorithm)
      algorithm.finish()
      return readRsaKey('rsa', spki, keyBits(inner))
    case '1.2.840.113549.1.1.10':
      // RFC 4055 §3.1: parameters of the key narrow what it may sign; OpenSSL enforces them.
      if (!algorithm.atEnd) algorithm.take(DER_TAG.sequence)
      algorithm.finish()
      return readRsaKey('rsa-pss', spki, keyBits(inner))
    case '1.2.840.10045.2.1':
      return readEcKey(algorithm, spki, keyBits(inner))
    case '1.3.101.112':
      algorithm.finish()
      return readEdwardsKey('ed25519', 255, 32, spki, keyBits(inner))
    case '1.3.101.113':
      algorithm.finish()
      return readEdwardsKey('ed448', 448, 57, spki, keyBits(inner))
    default: {
      const module = ML_DSA.get(oid)
      if (module !== undefined) {
        algorithm.finish()
        return readModuleKey(module, spki, keyBits(inner))
      }
      keyBits(inner)
      return { description: describe('unknown', 0, null), spki, flaw: 'a kind of key that is not accepted', parts: null }
    }
  }
}

function keyBits(reader: DerReader): Uint8Array {
  const bits = readOctetAlignedBitString(reader)
  reader.finish()
  return bits
}

function readRsaKey(type: 'rsa' | 'rsa-pss', spki: Uint8Array, bits: Uint8Array): PublicKeyInfo {
  const outer = new DerReader(bits)
  const key = outer.take(DER_TAG.sequence).enter()
  outer.finish()
  const modulus = readPositiveInteger(key)
  const exponent = readPositiveInteger(key)
  key.finish()
  const size = modulus.length * 8 - Math.clz32(modulus[0] ?? 0) + 24
  // A JWK would lose the parameters of an RSASSA-PSS key.
  const parts = type === 'rsa' ? [modulus, exponent] : null
  return { description: describe(type, size, null), spki, flaw: rsaFlaw(size, modulus, exponent), parts }
}

function rsaFlaw(size: number, modulus: Uint8Array, exponent: Uint8Array): string | null {
  if (size > MAX_RSA_BITS) return 'a modulus of too many bits'
  if (((modulus.at(-1) ?? 0) & 1) === 0) return 'an even modulus'
  const odd = ((exponent.at(-1) ?? 0) & 1) === 1
  const one = exponent.length === 1 && exponent[0] === 1
  return exponent.length > MAX_EXPONENT_OCTETS || !odd || one ? 'a public exponent that is not accepted' : null
}

/** RFC 5480 §2.1.1: named curves only. */
function readEcKey(algorithm: DerReader, spki: Uint8Array, point: Uint8Array): PublicKeyInfo {
  const named = algorithm.isNext(DER_TAG.oid) ? readOid(algorithm) : ''
  const curve = NIST_CURVES.get(named)
  if (curve === undefined) return { description: describe('ec', 0, null), spki, flaw: 'a curve that is not accepted', parts: null }
  algorithm.finish()
  const octets = Math.ceil(curve.bits / 8)
  const form = point[0]
  const expected = form === 4 ? 1 + 2 * octets : form === 2 || form === 3 ? 1 + octets : -1
  if (point.length !== expected) throw new DerError('a point that is not on its curve')
  const [x, y] = [point.subarray(1, 1 + octets), point.subarray(1 + octets)]
  // With the key of a leaf nothing is verified here that would show it. The other coordinate of a compressed point is for OpenSSL to find.
  const flaw = form === 4 && !isOnCurve(curve, x, y) ? 'a point that is not on its curve' : null
  // Of a JWK OpenSSL checks the order too, which takes longer than the decoders on the curves without an implementation of their own.
  const parts = form === 4 && curve.bits === 256 ? [x, y] : null
  return { description: describe('ec', curve.bits, curve.name), spki, flaw, parts }
}

function readEdwardsKey(type: 'ed25519' | 'ed448', size: number, octets: number, spki: Uint8Array, bits: Uint8Array): PublicKeyInfo {
  if (bits.length !== octets) throw new DerError('a key of another size than its curve')
  return { description: describe(type, size, null), spki, flaw: null, parts: [bits] }
}

/** RFC 9881 §4: the octets of the key, and nothing else. */
function readModuleKey(
  { type, octets }: { readonly type: ModuleKey; readonly octets: number },
  spki: Uint8Array,
  bits: Uint8Array,
): PublicKeyInfo {
  if (bits.length !== octets) throw new DerError('a key of another size than its kind')
  return { description: describe(type, octets * 8, null), spki, flaw: null, parts: null }
}

function describe(type: CertificateKey['type'], bits: number, curve: string | null): CertificateKey {
  return Object.freeze({ type, bits, curve })
}

/** The key for OpenSSL; `null` for one that is flawed or that OpenSSL does not take, such as a point that is not on its curve. Never throws. */
export function keyObjectFrom(info: PublicKeyInfo): KeyObject | null {
  if (info.flaw !== null) return null
  const jwk = jwkFrom(info)
  try {
    // Measured on Node 20: 4 µs for RSA and 64 for P-256, where the decoders of OpenSSL 3.0 take 110.
    if (jwk !== null) return createPublicKey({ key: jwk, format: 'jwk' })
    return createPublicKey({ key: Buffer.from(info.spki), format: 'der', type: 'spki' })
  } catch {
    return null
  }
}

function jwkFrom({ description: { type, curve }, parts }: PublicKeyInfo): JsonWebKey | null {
  if (parts === null) return null
  const [first = '', second = ''] = parts.map((part) => Buffer.from(part.buffer, part.byteOffset, part.byteLength).toString('base64url'))
  switch (type) {
    case 'rsa':
      return { kty: 'RSA', n: first, e: second }
    case 'ec':
      return { kty: 'EC', crv: curve ?? '', x: first, y: second }
    case 'ed25519':
      return { kty: 'OKP', crv: 'Ed25519', x: first }
    case 'ed448':
      return { kty: 'OKP', crv: 'Ed448', x: first }
    default:
      return null
  }
}

export function spkiSha256(info: PublicKeyInfo): string {
  return createHash('sha256').update(info.spki).digest('base64')
}
