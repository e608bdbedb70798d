import { createPublicKey, type JsonWebKey, type KeyObject, X509Certificate } from 'node:crypto'
import { authoritySpec, certificateFrom, general, leafSpec, nameFrom } from '../chains/certificate.js'
import { createKey, type KeyKind } from '../chains/keys.js'
import { TRUST_DOMAIN } from './names.js'

/** Leaf, intermediate and root, as bytes, and what a bare check of their signatures takes. */
export interface Chain {
  readonly leaf: Uint8Array
  readonly intermediate: Uint8Array
  readonly root: Uint8Array
  /** The two signatures that stand between the leaf and the root. */
  readonly checks: readonly SignatureCheck[]
}

export interface SignatureCheck {
  readonly signed: Uint8Array
  readonly signature: Uint8Array
  readonly key: KeyObject
  /** The same key as it stands in the certificate: SubjectPublicKeyInfo. */
  readonly spki: Buffer
  readonly jwk: JsonWebKey
}

/** Chains that have nothing in common, keys neither, so that nothing that anybody keeps of one helps with another. */
export function createChains(kind: KeyKind, count: number): readonly Chain[] {
  return Array.from({ length: count }, (_, index) => createChain(kind, index))
}

function createChain(kind: KeyKind, index: number): Chain {
  const root = { name: nameFrom(['O', 'Bench'], ['CN', `root ${index}`]), key: createKey(kind) }
  const middle = { name: nameFrom(['O', 'Bench'], ['CN', `intermediate ${index}`]), key: createKey(kind) }
  const sans = [general.uri(`spiffe://${TRUST_DOMAIN}/caller/${index}`), general.dns(`caller-${index}.bench.example`)]
  const leaf = certificateFrom(leafSpec(nameFrom(['O', 'Bench'], ['CN', `caller ${index}`]), createKey(kind), middle, 3 * index + 3, sans))
  const intermediate = certificateFrom(authoritySpec(middle.name, middle.key, root, 3 * index + 2))
  return {
    leaf,
    intermediate,
    root: certificateFrom(authoritySpec(root.name, root.key, root, 3 * index + 1)),
    checks: [checkOf(leaf, middle.key.spki), checkOf(intermediate, root.key.spki)],
  }
}

function checkOf(certificate: Uint8Array, spki: Uint8Array): SignatureCheck {
  const key = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' })
  if (!new X509Certificate(certificate).verify(key)) throw new Error('a chain that does not hold together')
  const outer = headerOf(certificate, 0)
  const signed = headerOf(certificate, outer.content)
  const algorithm = headerOf(certificate, signed.end)
  const bits = headerOf(certificate, algorithm.end)
  return {
    signed: certificate.slice(outer.content, signed.end),
    signature: certificate.slice(bits.content + 1, bits.end),
    key,
    spki: Buffer.from(spki),
    jwk: key.export({ format: 'jwk' }),
  }
}

/** Where the content of a DER element begins and ends. */
function headerOf(bytes: Uint8Array, at: number): { readonly content: number; readonly end: number } {
  const first = bytes[at + 1] ?? 0
  if (first < 0x80) return { content: at + 2, end: at + 2 + first }
  const content = at + 2 + (first & 0x7f)
  return { content, end: content + bytes.subarray(at + 2, content).reduce((length, octet) => length * 256 + octet, 0) }
}
