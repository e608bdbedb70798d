import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../house/root.js'

/** Where the configurations stand that a stranger copies. */
export const GUIDE = 'docs/guides/behind-a-proxy.md'

/** The one block of the guide in `language` that begins so: what is written there is what these tests run. */
export function blockOfGuide(language: string, beginning = ''): string {
  const text = readFileSync(join(ROOT, GUIDE), 'utf8')
  const blocks = [...text.matchAll(/^```(\S+)\n([\s\S]*?)^```$/gm)].filter(
    ([, name, text = '']) => name === language && text.startsWith(beginning),
  )
  const [block, ...more] = blocks
  if (block?.[2] === undefined || more.length > 0)
    throw new Error(`${GUIDE} has ${blocks.length} blocks in ${language}, not one that begins with "${beginning}"`)
  return block[2]
}

/** Puts one text in place of another, and fails where it is not there: the guide and its tests would have parted. */
export function replaced(text: string, changes: Readonly<Record<string, string>>): string {
  return Object.entries(changes).reduce((changed, [from, to]) => {
    if (!changed.includes(from)) throw new Error(`the configuration does not say "${from}" any more`)
    return changed.replaceAll(from, to)
  }, text)
}
