import { createPublicKey, KeyObject } from 'node:crypto'
import { isJsonArray, type JsonObject } from '@countersign/core'
import { ALGORITHMS, type Algorithm, algorithmsOf, type KeyKind } from './algorithm.js'
import { decodeBase64url } from './base64url.js'
import { MAX_KID_LENGTH } from './header.js'
import { isMlDsaKind, type MlDsaKind, mlDsaKeyBytes, mlDsaKeyFrom, mlDsaOctets, mlDsaSignatureBytes } from './ml-dsa.js'
import { isRoca } from './roca.js'
import { thumbprint } from './thumbprint.js'

/** A public key that may verify signatures: checked and imported once. */
export interface VerificationKey {
  readonly kid: string | null
  /** Algorithms it may be used with: the one it names, or those of its kind. */
  readonly algorithms: ReadonlySet<string>
  readonly key: KeyObject
  /** RFC 7638: whether two keys are the same key. */
  readonly thumbprint: string
  /** A signature of this key has this many bytes. */
  readonly signatureBytes: number
}

/** Why a key of a JWKS is not used. Fixed words, for the log. */
export type KeyFlaw = 'kind' | 'use' | 'algorithm' | 'private' | 'kid' | 'malformed' | 'size' | 'exponent' | 'weak'

/** Values of the JWK parameter `use` that make it a signing key here; `null` where it may be absent. */
export const SIGNING_USES: ReadonlySet<unknown> = new Set([undefined, 'sig'])
/** JWT-SVID §6 gives its keys a use of their own; the bundle's other keys are for certificates. */
export const SVID_USES: ReadonlySet<unknown> = new Set([undefined, 'sig', 'jwt-svid'])
/** WIT-SVID §6.1 does so too. */
export const WIT_USES: ReadonlySet<unknown> = new Set([undefined, 'sig', 'wit-svid'])

// A small modulus is weak; a huge modulus or exponent makes each verification cost milliseconds, which whoever supplies it chooses.
const MIN_MODULUS_BITS = 2048
const MAX_MODULUS_BITS = 8192
const MIN_EXPONENT = 3n
const MAX_EXPONENT = 2n ** 32n - 1n

const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv']
const COORDINATE_BYTES = { 'P-256': 32, 'P-384': 48, 'P-521': 66, Ed25519: 32 } as const
const CURVE_OF: ReadonlyMap<unknown, KeyKind> = new Map([
  ['prime256v1', 'P-256'],
  ['secp384r1', 'P-384'],
  ['secp521r1', 'P-521'],
])

/**
 * Checks and imports a JWK (RFC 7517). Symmetric keys, private keys, keys of other uses, kinds and curves are never used.
 * @param uses values of `use` that are a signing key's.
 */
export function keyFromJwk(jwk: JsonObject, uses: ReadonlySet<unknown>): VerificationKey | KeyFlaw {
  const { use, alg, kid } = jwk
  const kind = kindOfJwk(jwk)
  if (kind === null) return 'kind'
  if (PRIVATE_MEMBERS.some((name) => name in jwk)) return 'private'
  // RFC 7517 §4.2, §4.3: a key published for something else verifies nothing.
  if (!uses.has(use) || !mayVerify(jwk['key_ops'])) return 'use'
  if (kid !== undefined && (typeof kid !== 'string' || kid === '' || kid.length > MAX_KID_LENGTH)) return 'kid'
  const algorithms = algorithmsNamed(kind, alg)
  if (algorithms === null) return 'algorithm'

  if (isMlDsaKind(kind)) return keyFromAkp(jwk, kind, kid ?? null, algorithms)
  const members = publicMembers(jwk, kind)
  if (members === null) return 'malformed'
  try {
    // Also where OpenSSL refuses a point that is not on its curve (RFC 8725 §3.4).
    return finish(createPublicKey({ key: members, format: 'jwk' }), kind, kid ?? null, algorithms)
  } catch {
    return 'malformed'
  }
}

/** RFC 9964 §3. */
function keyFromAkp(jwk: JsonObject, kind: MlDsaKind, kid: string | null, algorithms: readonly Algorithm[]): VerificationKey | KeyFlaw {
  const { pub } = jwk
  const octets = typeof pub === 'string' ? decodeBase64url(pub) : null
  if (octets?.length !== mlDsaKeyBytes(kind)) return 'malformed'
  const key = mlDsaKeyFrom(kind, octets)
  // Sound as it may be, this runtime can do nothing with it.
  return key === null ? 'kind' : finish(key, kind, kid, algorithms)
}

/** Checks a key that was imported elsewhere. */
export function keyFromKeyObject(key: unknown, kid: string | null): VerificationKey | KeyFlaw {
  if (!(key instanceof KeyObject)) return 'malformed'
  if (key.type !== 'public') return 'private'
  const kind = kindOfKeyObject(key)
  return kind === null ? 'kind' : finish(key, kind, kid, algorithmsOf(kind))
}

function finish(key: KeyObject, kind: KeyKind, kid: string | null, algorithms: readonly Algorithm[]): VerificationKey | KeyFlaw {
  let signatureBytes: number
  if (kind === 'RSA') {
    const { modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {}
    if (modulusLength < MIN_MODULUS_BITS || modulusLength > MAX_MODULUS_BITS) return 'size'
    if (publicExponent < MIN_EXPONENT || publicExponent > MAX_EXPONENT || publicExponent % 2n === 0n) return 'exponent'
    const modulus = BigInt(`0x${Buffer.from(key.export({ format: 'jwk' }).n ?? '', 'base64url').toString('hex')}`)
    if (modulus % 2n === 0n || isRoca(modulus)) return 'weak'
    signatureBytes = Math.ceil(modulusLength / 8)
  } else {
    signatureBytes = isMlDsaKind(kind) ? mlDsaSignatureBytes(kind) : 2 * COORDINATE_BYTES[kind]
  }
  return Object.freeze({ kid, algorithms: new Set<string>(algorithms), key, thumbprint: thumbprint(key), signatureBytes })
}

function kindOfJwk({ kty, crv, alg }: JsonObject): KeyKind | null {
  if (kty === 'RSA') return 'RSA'
  // RFC 9964 §3: the algorithm says which parameters the key is of.
  if (kty === 'AKP') return isMlDsaKind(alg) ? alg : null
  if (kty === 'EC' && (crv === 'P-256' || crv === 'P-384' || crv === 'P-521')) return crv
  return kty === 'OKP' && crv === 'Ed25519' ? crv : null
}

function kindOfKeyObject(key: KeyObject): KeyKind | null {
  switch (key.asymmetricKeyType) {
    case 'rsa':
      return 'RSA'
    case 'ec':
      return CURVE_OF.get(key.asymmetricKeyDetails?.namedCurve) ?? null
    case 'ed25519':
      return 'Ed25519'
    case 'rsa-pss':
    case 'dsa':
    case 'ed448':
    case 'x25519':
    case 'x448':
      return null
    default:
      // Node 22 has no name for these.
      return mlDsaOctets(key)?.kind ?? null
  }
}

function mayVerify(operations: JsonObject[string] | undefined): boolean {
  if (operations === undefined) return true
  return isJsonArray(operations) && operations.includes('verify') && new Set(operations).size === operations.length
}

/** RFC 8725 §3.1: a key that names its algorithm carries no other. `Ed25519` is the new name of what `EdDSA` is with such a key (RFC 9864). */
function algorithmsNamed(kind: KeyKind, alg: unknown): readonly Algorithm[] | null {
  const possible = algorithmsOf(kind)
  if (alg === undefined) return possible
  const named = ALGORITHMS.find((name) => name === alg)
  if (named === undefined || !possible.includes(named)) return null
  return kind === 'Ed25519' ? possible : [named]
}

function publicMembers(jwk: JsonObject, kind: Exclude<KeyKind, MlDsaKind>): Record<string, string> | null {
  if (kind === 'RSA') {
    const { n, e } = jwk
    return isBytes(n, null) && isBytes(e, null) ? { kty: 'RSA', n, e } : null
  }
  const { x, y } = jwk
  const bytes = COORDINATE_BYTES[kind]
  if (!isBytes(x, bytes)) return null
  if (kind === 'Ed25519') return { kty: 'OKP', crv: kind, x }
  return isBytes(y, bytes) ? { kty: 'EC', crv: kind, x, y } : null
}

function isBytes(text: unknown, length: number | null): text is string {
  if (typeof text !== 'string') return false
  const bytes = decodeBase64url(text)
  return bytes !== null && (length === null ? bytes.length > 0 : bytes.length === length)
}
