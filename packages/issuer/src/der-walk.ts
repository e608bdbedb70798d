/** One element of DER: `whole` with its tag and length, `content` without. */
export interface Element {
  readonly tag: number
  readonly whole: Uint8Array
  readonly content: Uint8Array
}

/**
 * Splits what stands inside a SEQUENCE. Only for certificates and keys that we or `node:crypto` have accepted already: it checks
 * bounds, not the rules of DER. Evidence of callers is read in `@countersign/x509`.
 */
export function elementsOf(bytes: Uint8Array): readonly Element[] {
  const elements: Element[] = []
  for (let at = 0; at < bytes.length; ) {
    const [contentAt, size] = contentRange(bytes, at)
    const end = contentAt + size
    if (end > bytes.length) throw new RangeError('DER element runs past its end')
    elements.push({ tag: bytes[at] ?? 0, whole: bytes.subarray(at, end), content: bytes.subarray(contentAt, end) })
    at = end
  }
  return elements
}

function contentRange(bytes: Uint8Array, at: number): readonly [contentAt: number, size: number] {
  const first = bytes[at + 1] ?? 0
  if (first < 0x80) return [at + 2, first]
  const digits = first & 0x7f
  let size = 0
  for (let index = 0; index < digits; index++) size = size * 256 + (bytes[at + 2 + index] ?? 0)
  return [at + 2 + digits, size]
}

/** The element at `index`. */
export function elementAt(elements: readonly Element[], index: number): Element {
  const element = elements[index]
  if (element === undefined) throw new RangeError('DER element is missing')
  return element
}
