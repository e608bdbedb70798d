import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { runInNewContext } from 'node:vm'
import type { GuardOptions } from '@countersign/node'
import { ROOT } from '../house/root.js'
import { GUIDE } from './guide.js'

export type Forwarded = NonNullable<GuardOptions['forwarded']>

/** The options of the service that the guide gives for one proxy, as the text says them. */
export function optionsOfGuide(format: string): Forwarded {
  const text = readFileSync(join(ROOT, GUIDE), 'utf8')
  const found = [...text.matchAll(/^const forwarded = (\{$[\s\S]*?^\}) satisfies /gm)].map(([, literal = '']) => literal)
  const [literal, ...more] = found.filter((one) => one.includes(`format: '${format}'`))
  if (literal === undefined || more.length > 0) throw new Error(`${GUIDE} has not one set of options for ${format}`)
  // Through JSON, so that it is made of this realm's objects.
  return JSON.parse(JSON.stringify(runInNewContext(`(${literal})`))) as Forwarded
}
