import { createHash, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { MisuseError } from '@countersign/core'
import { elementAt, elementsOf } from './der-walk.js'

/** `ec` is P-256. */
export type KeyKind = 'ec' | 'rsa' | 'ed25519'

/** What current guidance asks of a new RSA key (NIST SP 800-57: 128 bits of security). */
export const DEFAULT_RSA_BITS = 3072

/** Below this a certificate is refused by every verifier of ours (CA/B BR §6.1.5), so making one takes `dangerouslyWeak`. */
export const MIN_RSA_BITS = 2048

/** What OpenSSL 3 still generates. */
export const WEAK_RSA_BITS = 512

/**
 * A private key of the kind, or the given private key itself.
 * @throws {MisuseError} for a public key, and for an RSA key of fewer bits than `minRsaBits`.
 */
export function createPrivateKeyOf(option: string, kind: KeyKind | KeyObject, rsaBits: number, minRsaBits: number): KeyObject {
  if (typeof kind !== 'string') {
    if (kind.type !== 'private') throw new MisuseError('ERR_OPTION_INVALID', option, 'takes ec, rsa, ed25519 or a private KeyObject')
    if ((kind.asymmetricKeyDetails?.modulusLength ?? minRsaBits) < minRsaBits)
      throw new MisuseError('ERR_OPTION_INVALID', option, `takes an RSA key of at least ${minRsaBits} bits, or dangerouslyWeak: true`)
    return kind
  }
  switch (kind) {
    case 'ec':
      return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
    case 'rsa':
      return generateKeyPairSync('rsa', { modulusLength: rsaBits }).privateKey
    case 'ed25519':
      return generateKeyPairSync('ed25519').privateKey
  }
}

/** The SubjectPublicKeyInfo of a private key, DER. */
export function spkiOf(key: KeyObject): Uint8Array {
  return createPublicKey(key).export({ type: 'spki', format: 'der' })
}

/** The private key as PKCS #8 PEM, not encrypted. */
export function keyPemOf(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString()
}

/** RFC 7093 §2 method 1: the leftmost 160 bits of the SHA-256 of the public key's bits. */
export function keyIdOf(spki: Uint8Array): Uint8Array {
  const inner = elementsOf(elementAt(elementsOf(spki), 0).content)
  return createHash('sha256').update(elementAt(inner, 1).content.subarray(1)).digest().subarray(0, 20)
}
