import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { NULL, oid, sequence } from './der.js'

/** A key, and what it signs with unless it is told otherwise. */
export interface Key {
  readonly kind: KeyKind
  readonly privateKey: KeyObject
  readonly spki: Uint8Array
  /** SHA-1 of the key as a key identifier is usually made; here of the whole SubjectPublicKeyInfo. */
  readonly keyId: Uint8Array
  readonly signature: Signature
}

export interface Signature {
  /** AlgorithmIdentifier. */
  readonly algorithm: Uint8Array
  readonly digest: string | null
}

export type KeyKind = 'p256' | 'p384' | 'p521' | 'ed25519' | 'rsa2048' | 'rsa1024' | 'secp256k1' | 'p224'

export const SIGNATURE = {
  ecdsaSha256: { algorithm: sequence(oid('1.2.840.10045.4.3.2')), digest: 'sha256' },
  ecdsaSha384: { algorithm: sequence(oid('1.2.840.10045.4.3.3')), digest: 'sha384' },
  ecdsaSha512: { algorithm: sequence(oid('1.2.840.10045.4.3.4')), digest: 'sha512' },
  ecdsaSha1: { algorithm: sequence(oid('1.2.840.10045.4.1')), digest: 'sha1' },
  rsaSha256: { algorithm: sequence(oid('1.2.840.113549.1.1.11'), NULL), digest: 'sha256' },
  rsaSha512: { algorithm: sequence(oid('1.2.840.113549.1.1.13'), NULL), digest: 'sha512' },
  rsaSha1: { algorithm: sequence(oid('1.2.840.113549.1.1.5'), NULL), digest: 'sha1' },
  ed25519: { algorithm: sequence(oid('1.3.101.112')), digest: null },
} as const satisfies Record<string, Signature>

/** How many of each: making one takes long, and a path needs one for each of its authorities. */
const POOL: Readonly<Record<KeyKind, number>> = {
  p256: 14,
  p384: 3,
  p521: 1,
  ed25519: 4,
  rsa2048: 3,
  rsa1024: 1,
  secp256k1: 1,
  p224: 1,
}

const CURVE = { p256: 'P-256', p384: 'P-384', p521: 'P-521', secp256k1: 'secp256k1', p224: 'P-224' } as const

export interface KeyPool {
  /** @param index Taken modulo the number there are. */
  of(kind: KeyKind, index: number): Key
}

export function createKeyPool(): KeyPool {
  const pool = new Map<KeyKind, readonly Key[]>()
  return {
    of(kind, index) {
      const keys = pool.get(kind) ?? Array.from({ length: POOL[kind] }, () => createKey(kind))
      pool.set(kind, keys)
      const key = keys[index % keys.length]
      if (key === undefined) throw new RangeError('an empty pool')
      return key
    },
  }
}

export function createKey(kind: KeyKind): Key {
  const { privateKey, publicKey } =
    kind === 'ed25519'
      ? generateKeyPairSync('ed25519')
      : kind === 'rsa2048' || kind === 'rsa1024'
        ? generateKeyPairSync('rsa', { modulusLength: kind === 'rsa2048' ? 2048 : 1024 })
        : generateKeyPairSync('ec', { namedCurve: CURVE[kind] })
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  return { kind, privateKey, spki, keyId: createHash('sha1').update(spki).digest(), signature: usual(kind) }
}

function usual(kind: KeyKind): Signature {
  if (kind === 'ed25519') return SIGNATURE.ed25519
  if (kind === 'rsa2048' || kind === 'rsa1024') return SIGNATURE.rsaSha256
  return kind === 'p384' ? SIGNATURE.ecdsaSha384 : SIGNATURE.ecdsaSha256
}

export function signWith(key: Key, data: Uint8Array, digest: string | null): Uint8Array {
  return sign(digest, data, key.privateKey)
}
