import type { Code } from '@countersign/core'
import { type Expected, isGranted } from './row.js'
import { TABLE } from './table.js'

/** Every code that a row of the table reaches: what is written down, and what is sent. */
export const REACHED: ReadonlySet<Code> = new Set(
  TABLE.flatMap(({ expected, clear }) => [...codesOf(expected), ...(clear === 'the same' ? [] : codesOf(clear))]),
)

function codesOf(expected: Expected): readonly Code[] {
  return isGranted(expected) ? [] : [expected.code, ...(expected.sent === undefined ? [] : [expected.sent])]
}
