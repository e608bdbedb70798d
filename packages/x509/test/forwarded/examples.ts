import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'

/** Field values of one real chain, in the form of every proxy; they lie beside the checkout. */
export interface Examples {
  readonly leafPem: string
  readonly issuerPem: string
  readonly rootPem: string
  readonly sha256: string
  readonly examples: Readonly<Record<string, Readonly<Record<string, string>>>>
}

export const examples = JSON.parse(
  readFileSync(new URL('../../../../../shared/proxy-header-examples.json', import.meta.url), 'utf8'),
) as Examples

/** The fields of one example. */
export function example(name: string): Readonly<Record<string, string>> {
  const fields = examples.examples[name]
  if (fields === undefined) throw new Error(`no example ${name}`)
  return fields
}

export const leafDer = derOf(examples.leafPem)
export const issuerDer = derOf(examples.issuerPem)
export const rootDer = derOf(examples.rootPem)

export const LEAF_ID = 'spiffe://example.org/ns/shop/sa/checkout'

function derOf(pem: string): Uint8Array {
  return new Uint8Array(new X509Certificate(pem).raw)
}
