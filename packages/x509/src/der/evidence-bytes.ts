import { asciiFrom } from './der-values.js'
import { onlyPemBlock, pemBlocks } from './pem.js'

/** DER of evidence that is handed in as DER or as one PEM block; `null` for anything else, or more bytes than these. */
export function derOfEvidence(pemOrDer: string | Uint8Array, label: string, maxBytes: number): Uint8Array | null {
  // Base64 adds a third, line feeds and explanatory text a little more.
  if (pemOrDer.length > 2 * maxBytes) return null
  if (typeof pemOrDer !== 'string' && pemOrDer[0] === 0x30) return pemOrDer.length > maxBytes ? null : pemOrDer
  return onlyPemBlock(typeof pemOrDer === 'string' ? pemOrDer : asciiFrom(pemOrDer), label)
}

/** DER of what is one in DER, or any number of PEM blocks; `null` if a block is damaged. */
export function dersOfEvidence(pemOrDer: string | Uint8Array, label: string): readonly Uint8Array[] | null {
  if (typeof pemOrDer !== 'string' && pemOrDer[0] === 0x30) return [pemOrDer]
  return pemBlocks(typeof pemOrDer === 'string' ? pemOrDer : asciiFrom(pemOrDer), label)
}
