/**
 * One spelling for all names of header fields that a server may take for the same: CGI and what is modelled on it tell `_` from `-` no
 * more (RFC 3875 §4.1.18).
 * @param name lowercase.
 */
export function fieldSpelling(name: string): string {
  return name.replaceAll('_', '-')
}
