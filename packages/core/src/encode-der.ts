/** One DER element: tag, length in its shortest form, and the parts one after another (X.690 §10.1). */
export function encodeDer(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  const header = [tag, ...lengthOctets(length)]
  const element = new Uint8Array(header.length + length)
  element.set(header)
  let at = header.length
  for (const part of parts) {
    element.set(part, at)
    at += part.length
  }
  return element
}

function lengthOctets(length: number): readonly number[] {
  if (length < 0x80) return [length]
  const octets: number[] = []
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256)
  return [0x80 | octets.length, ...octets]
}
