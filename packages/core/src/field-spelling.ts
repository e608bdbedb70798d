/**
 * One spelling for all names of header fields that a server may take for the same: CGI and what is modelled on it tell `_` from `-` no
 * more (RFC 3875 §4.1.18).
 * @param name lowercase.
 */
export function fieldSpelling(name: string): string {
  return name.replaceAll('_', '-')
}

/**
 * Makes a first test for the whole field list of a request: `false` says that a name, as it came, is none of these in whatever spelling. It
 * looks at the length and at one letter, since nearly all names are others.
 * @param names lowercase.
 */
export function createSpellingFilter(names: Iterable<string>): (name: string) => boolean {
  const marks = new Set<number>()
  for (const name of names) for (const spelling of [name, fieldSpelling(name), name.replaceAll('-', '_')]) marks.add(markOf(spelling))
  const isMarked = new Uint8Array(Math.max(0, ...marks) + 1)
  for (const mark of marks) isMarked[mark] = 1
  return (name) => isMarked[markOf(name)] === 1
}

/** Of its length and its last character, whose low bits are those of the other case too. */
function markOf(name: string): number {
  return (name.length << 5) | (name.charCodeAt(name.length - 1) & 0x1f)
}
