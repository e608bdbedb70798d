/** Longer values are compared as they are: RFC 5280 appendix A allows no attribute in general use more. */
const MAX_PREPARED = 1_024

const PLAIN = /^[\u0021-\u0040\u005b-\u007e]*$/
// RFC 4518 §2.2: what is mapped to nothing, and what is mapped to a space.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const REMOVED =
  /[\u0000-\u0008\u000e-\u001f\u007f-\u0084\u0086-\u009f\u00ad\u034f\u06dd\u070f\u1806\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2063\u206a-\u206f\ufe00-\ufe0f\ufeff\ufff9-\ufffc]/g
const SPACES = /[\s\u0085]+/g

/**
 * Prepares the text of an attribute for comparison: case and width are folded, what is invisible is left out, a run of spaces is one
 * space, and there is none at either end.
 * @see https://www.rfc-editor.org/rfc/rfc5280#section-7.1
 * @see https://www.rfc-editor.org/rfc/rfc4518#section-2
 */
export function prepareText(text: string): string {
  if (PLAIN.test(text) || text.length > MAX_PREPARED) return text
  // Upper case first: what has no lower case of its own (a sharp s, a final sigma) is folded with what it stands for.
  return text.replace(SPACES, ' ').replace(REMOVED, '').normalize('NFKC').toUpperCase().toLowerCase().replace(SPACES, ' ').trim()
}
