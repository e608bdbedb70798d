const DECODER = new TextDecoder('utf-8', { ignoreBOM: true })
const ENCODER = new TextEncoder()
const REPLACEMENT = '\ufffd'

/**
 * The text of UTF-8 (RFC 3629), a byte order mark with it. Never throws: an exception costs more than reading what a caller sent.
 * @returns `null` if the bytes are not UTF-8.
 */
export function textFromUtf8(bytes: Uint8Array): string | null {
  const text = DECODER.decode(bytes)
  return !text.includes(REPLACEMENT) || isTextOf(bytes, text) ? text : null
}

/** The replacement character stands for bytes that are wrong, or for itself. */
function isTextOf(bytes: Uint8Array, text: string): boolean {
  const encoded = ENCODER.encode(text)
  return encoded.length === bytes.length && encoded.every((byte, i) => byte === bytes[i])
}
