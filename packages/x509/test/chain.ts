import { type ChainRequest, verifyChain } from '@countersign/x509'
import { bytes, commonName, der, NULL, oid, sequence } from './der.js'
import { extension, type Forged, forge, forgeCa, NOW_MS } from './forge.js'

export const root = forgeCa()
export const middle = forgeCa({ issuer: root, subject: commonName('middle') })

/** `'valid'`, or the code. */
export function verdictOf(leaf: Forged | Uint8Array | string, request: Partial<ChainRequest> = {}): string {
  const result = verifyChain({ leaf: bytesOf(leaf), anchors: [root.der], time: NOW_MS, ...request })
  return result.valid ? 'valid' : result.code
}

const bytesOf = (leaf: Forged | Uint8Array | string): Uint8Array | string =>
  typeof leaf === 'string' || leaf instanceof Uint8Array ? leaf : leaf.der

/** A chain below {@link root}: names of CAs with their own extensions, then the leaf's. */
export function chainOf(authorities: readonly (readonly Uint8Array[])[], leafExtensions: readonly Uint8Array[] = []): readonly Forged[] {
  let issuer = root
  const cas = authorities.map((extensions, i) => {
    issuer = forgeCa({ issuer, subject: commonName(`ca ${i}`), extensions })
    return issuer
  })
  return [forge({ issuer, extensions: leafExtensions }), ...cas.reverse()]
}

export const POLICY = { a: '1.2.3.1', b: '1.2.3.2', c: '1.2.3.3', any: '2.5.29.32.0' } as const

export const policies = (...oids: readonly string[]): Uint8Array =>
  extension('2.5.29.32', false, sequence(...oids.map((one) => sequence(oid(one)))))
export const mappings = (...pairs: readonly (readonly [string, string])[]): Uint8Array =>
  extension('2.5.29.33', true, sequence(...pairs.map(([from, to]) => sequence(oid(from), oid(to)))))
export const policyConstraints = (explicit: number | null, mapping: number | null = null): Uint8Array =>
  extension(
    '2.5.29.36',
    true,
    sequence(...(explicit === null ? [] : [der(0x80, bytes(explicit))]), ...(mapping === null ? [] : [der(0x81, bytes(mapping))])),
  )
export const inhibitAny = (skip: number): Uint8Array => extension('2.5.29.54', true, der(0x02, bytes(skip)))
export const unknownCritical = extension('1.2.3.4', true, NULL)
