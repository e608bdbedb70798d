/** Longer ones are no names of a place. */
const MAX_URL = 2_048

/** An `http:` or `https:` URL without a user, its fragment dropped. */
export function plainUrl(text: string, base?: string): URL | null {
  if (text.length > MAX_URL || !URL.canParse(text, base)) return null
  const url = new URL(text, base)
  if ((url.protocol !== 'http:' && url.protocol !== 'https:') || url.username !== '' || url.password !== '') return null
  url.hash = ''
  return url
}
