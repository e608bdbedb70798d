import { constants, type KeyObject, sign } from 'node:crypto'
import { explicit, integer, nothing, oid, sequence } from './der.js'

/** Hash of a signature. `sha1` is only there to make certificates that must be refused. */
export type SignatureHash = 'sha256' | 'sha384' | 'sha512' | 'sha1'

/** A way to sign, with the name that goes into what is signed. */
export interface SignatureAlgorithm {
  /** The AlgorithmIdentifier, DER. */
  readonly identifier: Uint8Array
  sign(bytes: Uint8Array): Uint8Array
}

// RFC 8017 appendix C, RFC 5758 §3, RFC 4055 §2.1
const HASHES = {
  sha256: { oid: '2.16.840.1.101.3.4.2.1', rsa: '1.2.840.113549.1.1.11', ecdsa: '1.2.840.10045.4.3.2', bytes: 32 },
  sha384: { oid: '2.16.840.1.101.3.4.2.2', rsa: '1.2.840.113549.1.1.12', ecdsa: '1.2.840.10045.4.3.3', bytes: 48 },
  sha512: { oid: '2.16.840.1.101.3.4.2.3', rsa: '1.2.840.113549.1.1.13', ecdsa: '1.2.840.10045.4.3.4', bytes: 64 },
  sha1: { oid: '1.3.14.3.2.26', rsa: '1.2.840.113549.1.1.5', ecdsa: '1.2.840.10045.4.1', bytes: 20 },
} as const
const RSA_PSS = '1.2.840.113549.1.1.10'
const MGF1 = '1.2.840.113549.1.1.8'
const EDDSA: Readonly<Record<string, string>> = { ed25519: '1.3.101.112', ed448: '1.3.101.113' }

/** How this key signs. `hash` and `rsaPss` mean nothing to Ed25519 and Ed448 keys. */
export function signatureAlgorithm(key: KeyObject, hash: SignatureHash, rsaPss: boolean): SignatureAlgorithm {
  const type = key.asymmetricKeyType ?? ''
  const edOid = EDDSA[type]
  if (edOid !== undefined) return { identifier: sequence(oid(edOid)), sign: (bytes) => sign(null, bytes, key) }
  const names = HASHES[hash]
  if (type === 'ec') return { identifier: sequence(oid(names.ecdsa)), sign: (bytes) => sign(hash, bytes, key) }
  if (type === 'rsa-pss' || rsaPss) {
    const padding = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: names.bytes }
    return { identifier: pssIdentifier(names), sign: (bytes) => sign(hash, bytes, { key, ...padding }) }
  }
  return { identifier: sequence(oid(names.rsa), nothing()), sign: (bytes) => sign(hash, bytes, key) }
}

function pssIdentifier(hash: { readonly oid: string; readonly bytes: number }): Uint8Array {
  const hashIdentifier = sequence(oid(hash.oid), nothing())
  return sequence(
    oid(RSA_PSS),
    sequence(explicit(0, hashIdentifier), explicit(1, sequence(oid(MGF1), hashIdentifier)), explicit(2, integer(hash.bytes))),
  )
}
