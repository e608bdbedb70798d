import { createPublicKey, type KeyObject } from 'node:crypto'
import { encodeDer } from '@countersign/core'

/** A set of parameters of ML-DSA (FIPS 204 §4), by its JOSE name. */
export type MlDsaKind = 'ML-DSA-44' | 'ML-DSA-65' | 'ML-DSA-87'

interface Parameters {
  /** Last arc of its object identifier, 2.16.840.1.101.3.4.3.… (RFC 9881 §2). */
  readonly arc: number
  readonly keyBytes: number
  readonly signatureBytes: number
}

const PARAMETERS: Readonly<Record<MlDsaKind, Parameters>> = {
  'ML-DSA-44': { arc: 17, keyBytes: 1312, signatureBytes: 2420 },
  'ML-DSA-65': { arc: 18, keyBytes: 1952, signatureBytes: 3309 },
  'ML-DSA-87': { arc: 19, keyBytes: 2592, signatureBytes: 4627 },
}
const KINDS = Object.freeze(Object.keys(PARAMETERS) as MlDsaKind[])
const ARCS = [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03]
const [SEQUENCE, OID, BIT_STRING] = [0x30, 0x06, 0x03] as const

/** Is this the name of a set of parameters? */
export function isMlDsaKind(name: unknown): name is MlDsaKind {
  return KINDS.some((kind) => kind === name)
}

/** How long a public key is. */
export function mlDsaKeyBytes(kind: MlDsaKind): number {
  return PARAMETERS[kind].keyBytes
}

/** How long a signature is. */
export function mlDsaSignatureBytes(kind: MlDsaKind): number {
  return PARAMETERS[kind].signatureBytes
}

/**
 * Imports the octets of a public key (RFC 9964 §3, member `pub`). By way of a SubjectPublicKeyInfo, since Node 22 reads no JWK of these.
 * @param octets as many as a key of this kind has.
 * @returns `null` where the runtime does not know ML-DSA.
 */
export function mlDsaKeyFrom(kind: MlDsaKind, octets: Uint8Array): KeyObject | null {
  const algorithm = encodeDer(SEQUENCE, encodeDer(OID, Uint8Array.from([...ARCS, PARAMETERS[kind].arc])))
  const spki = encodeDer(SEQUENCE, algorithm, encodeDer(BIT_STRING, Uint8Array.of(0), octets))
  try {
    return createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' })
  } catch {
    return null
  }
}

/**
 * The parameters and the octets of a public key.
 * @returns `null` for a key of another kind.
 */
export function mlDsaOctets(key: KeyObject): { readonly kind: MlDsaKind; readonly octets: Uint8Array } | null {
  const spki = key.export({ format: 'der', type: 'spki' })
  for (const kind of KINDS) {
    const octets = spki.subarray(-PARAMETERS[kind].keyBytes)
    // Written again and compared: what stands around the octets says which parameters they are of.
    if (mlDsaKeyFrom(kind, octets)?.equals(key) === true) return { kind, octets }
  }
  return null
}
