const LAST_OF_TWO = 'AQgw'
const LAST_OF_THREE = 'AEIMQUYcgkosw048'

/**
 * Decodes base64url as RFC 7515 §2 has it: no padding, no white space, no spare bits. `null` if it is anything else. Node decodes many
 * texts to the same bytes, so what comes out is written again and compared.
 */
export function decodeBase64url(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64url')
  return bytes.toString('base64url') === text ? bytes : null
}

/**
 * Is this text, already known to be of the alphabet, the one base64url text of its bytes? A signature that can be written in two ways
 * gives two names to one token.
 * @see https://www.rfc-editor.org/rfc/rfc4648#section-3.5
 */
export function isCanonical(text: string): boolean {
  switch (text.length % 4) {
    case 0:
      return true
    case 2:
      return LAST_OF_TWO.includes(text.charAt(text.length - 1))
    case 3:
      return LAST_OF_THREE.includes(text.charAt(text.length - 1))
    default:
      return false
  }
}
