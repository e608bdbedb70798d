/**
 * Decodes base64url as RFC 7515 §2 has it: no padding, no white space, no spare bits. `null` if it is anything else. Node decodes many
 * texts to the same bytes, and a signature that can be written in two ways gives two names to one token; so what comes out is written
 * again and compared, which also takes a third of the time of a look at every character.
 * @see https://www.rfc-editor.org/rfc/rfc4648#section-3.5
 */
export function decodeBase64url(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64url')
  return bytes.toString('base64url') === text ? bytes : null
}
