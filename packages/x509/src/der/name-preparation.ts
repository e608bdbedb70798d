/** Longer values are compared as they are: RFC 5280 appendix A allows no attribute in general use more. */
const MAX_PREPARED = 1_024

/** Folded already, which is common; and what needs no Unicode to be folded. */
const PLAIN = /^[\u0021-\u0040\u005b-\u007e]*$/
const ASCII = /^[\u0020-\u007e]*$/
// RFC 4518 §2.2: what is not seen is mapped to nothing.
const UNSEEN = /\p{Cc}|\p{Default_Ignorable_Code_Point}/gu
const SPACES = /[\s\u0085]+/g

/**
 * Prepares the text of an attribute for comparison: case and width are folded, what is invisible is left out, a run of spaces is one
 * space, and there is none at either end.
 * @see https://www.rfc-editor.org/rfc/rfc5280#section-7.1
 * @see https://www.rfc-editor.org/rfc/rfc4518#section-2
 */
export function prepareText(text: string): string {
  if (PLAIN.test(text) || text.length > MAX_PREPARED) return text
  if (ASCII.test(text)) return text.toLowerCase().replace(SPACES, ' ').trim()
  // Upper case first: what has no lower case of its own (a sharp s, a final sigma) is folded with what it stands for.
  return text.replace(SPACES, ' ').replace(UNSEEN, '').normalize('NFKC').toUpperCase().toLowerCase().replace(SPACES, ' ').trim()
}
