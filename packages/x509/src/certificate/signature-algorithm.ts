import { constants, type KeyObject, verify } from 'node:crypto'
import { DER_TAG } from '@countersign/core'
import { contextTag, type DerReader } from '../der/der-reader.js'
import { readOid, readOptionalNull, readSmallInteger, sameBytes } from '../der/der-values.js'

/** An AlgorithmIdentifier of a signature. */
export interface SignatureAlgorithm {
  /** Such as `ecdsa-with-SHA256`; the dotted OID where we have no name for it. */
  readonly name: string
  readonly der: Uint8Array
  /** How to verify it; `null`: an algorithm that is not accepted, such as SHA-1. */
  readonly scheme: SignatureScheme | null
}

export interface SignatureScheme {
  /** Kinds of key that it goes with. */
  readonly keys: readonly string[]
  readonly digest: 'sha256' | 'sha384' | 'sha512' | null
  /** Bits of the hash; for EdDSA of the hash it has inside. */
  readonly hashBits: number
  readonly pssSaltBytes: number | null
}

type Digest = 'sha256' | 'sha384' | 'sha512'

interface Known {
  readonly name: string
  readonly scheme: SignatureScheme | null
  /** RFC 4055 §5: NULL, and absent is read too. RFC 5758 §3.2, RFC 8410 §3: absent. */
  readonly parameters: 'null' | 'absent' | 'any'
}

function pkcs1(name: string, digest: Digest): Known {
  return { name, parameters: 'null', scheme: { keys: ['rsa'], digest, hashBits: Number(digest.slice(3)), pssSaltBytes: null } }
}

function ecdsa(name: string, digest: Digest): Known {
  return { name, parameters: 'absent', scheme: { keys: ['ec'], digest, hashBits: Number(digest.slice(3)), pssSaltBytes: null } }
}

function eddsa(name: string, key: string): Known {
  return { name, parameters: 'absent', scheme: { keys: [key], digest: null, hashBits: 512, pssSaltBytes: null } }
}

/** RFC 9881 §3. Their security category 2, 3 or 5 is that of a hash of so many bits. */
function module(name: string, hashBits: number): Known {
  return { name, parameters: 'absent', scheme: { keys: [name.toLowerCase()], digest: null, hashBits, pssSaltBytes: null } }
}

const OID_PSS = '1.2.840.113549.1.1.10'
const OID_MGF1 = '1.2.840.113549.1.1.8'

const KNOWN: ReadonlyMap<string, Known> = new Map([
  ['1.2.840.113549.1.1.11', pkcs1('sha256WithRSAEncryption', 'sha256')],
  ['1.2.840.113549.1.1.12', pkcs1('sha384WithRSAEncryption', 'sha384')],
  ['1.2.840.113549.1.1.13', pkcs1('sha512WithRSAEncryption', 'sha512')],
  ['1.2.840.10045.4.3.2', ecdsa('ecdsa-with-SHA256', 'sha256')],
  ['1.2.840.10045.4.3.3', ecdsa('ecdsa-with-SHA384', 'sha384')],
  ['1.2.840.10045.4.3.4', ecdsa('ecdsa-with-SHA512', 'sha512')],
  ['1.3.101.112', eddsa('Ed25519', 'ed25519')],
  ['1.3.101.113', eddsa('Ed448', 'ed448')],
  ['2.16.840.1.101.3.4.3.17', module('ML-DSA-44', 256)],
  ['2.16.840.1.101.3.4.3.18', module('ML-DSA-65', 384)],
  ['2.16.840.1.101.3.4.3.19', module('ML-DSA-87', 512)],
  [OID_PSS, { name: 'RSASSA-PSS', parameters: 'any', scheme: null }],
  // Named so that a refusal can say what it was.
  ['1.2.840.113549.1.1.4', { name: 'md5WithRSAEncryption', parameters: 'any', scheme: null }],
  ['1.2.840.113549.1.1.5', { name: 'sha1WithRSAEncryption', parameters: 'any', scheme: null }],
  ['1.2.840.10045.4.1', { name: 'ecdsa-with-SHA1', parameters: 'any', scheme: null }],
])

const HASHES: ReadonlyMap<string, Digest> = new Map([
  ['2.16.840.1.101.3.4.2.1', 'sha256'],
  ['2.16.840.1.101.3.4.2.2', 'sha384'],
  ['2.16.840.1.101.3.4.2.3', 'sha512'],
])

export function readSignatureAlgorithm(reader: DerReader): SignatureAlgorithm {
  const der = reader.take(DER_TAG.sequence).whole()
  const inner = reader.enter()
  const oid = readOid(inner)
  const known = KNOWN.get(oid)
  if (oid === OID_PSS) return { name: 'RSASSA-PSS', der, scheme: readPssScheme(inner) }
  if (known === undefined) return { name: oid, der, scheme: null }
  if (known.parameters === 'any') return { name: known.name, der, scheme: known.scheme }
  if (known.parameters === 'null') readOptionalNull(inner)
  inner.finish()
  return { name: known.name, der, scheme: known.scheme }
}

/** RSASSA-PSS-params (RFC 4055 §3.1). Its defaults are SHA-1, so what is absent is not accepted. */
function readPssScheme(reader: DerReader): SignatureScheme | null {
  if (reader.atEnd) return null
  const parameters = reader.take(DER_TAG.sequence).enter()
  reader.finish()
  const digest = parameters.optional(contextTag(0, 'constructed')) ? readHash(parameters.enter()) : null
  let maskDigest: Digest | null = null
  if (parameters.optional(contextTag(1, 'constructed'))) {
    const outer = parameters.enter()
    const mask = outer.take(DER_TAG.sequence).enter()
    outer.finish()
    if (readOid(mask) === OID_MGF1) maskDigest = readHash(mask)
  }
  let saltBytes = 20
  if (parameters.optional(contextTag(2, 'constructed'))) {
    const salt = parameters.enter()
    saltBytes = readSmallInteger(salt)
    salt.finish()
  }
  // RFC 4055 §3.1: the trailer field is 1, which DER leaves out as the default.
  parameters.finish()
  if (digest === null || digest !== maskDigest) return null
  return { keys: ['rsa', 'rsa-pss'], digest, hashBits: Number(digest.slice(3)), pssSaltBytes: saltBytes }
}

function readHash(reader: DerReader): Digest | null {
  const inner = reader.take(DER_TAG.sequence).enter()
  reader.finish()
  const digest = HASHES.get(readOid(inner)) ?? null
  if (digest !== null) readOptionalNull(inner)
  if (digest !== null) inner.finish()
  return digest
}

/** RFC 5280 §4.1.1.2: the algorithm inside and outside of the signed part is the same. */
export function sameAlgorithm(a: SignatureAlgorithm, b: SignatureAlgorithm): boolean {
  return sameBytes(a.der, b.der)
}

/** Never throws. The caller has checked that the scheme goes with the key. */
export function verifySignature(scheme: SignatureScheme, signed: Uint8Array, signature: Uint8Array, key: KeyObject): boolean {
  try {
    if (scheme.pssSaltBytes === null) return verify(scheme.digest, signed, key, signature)
    const padded = { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: scheme.pssSaltBytes }
    return verify(scheme.digest, signed, padded, signature)
  } catch {
    return false
  }
}
