import { existsSync, readFileSync } from 'node:fs'
import type { TestContext } from 'node:test'

/** The vectors that stand beside a checkout: some of their licences do not let them stand in it. */
const FOLDER = new URL('../../../../shared/vectors/', import.meta.url)

/** Reads a file of them; `null`, and the test is skipped, where they are not there. */
export function readSharedVectors<T>(t: TestContext, path: string): T | null {
  const file = new URL(path, FOLDER)
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')) as T
  t.skip(`../shared/vectors/${path} is not beside this checkout`)
  return null
}
