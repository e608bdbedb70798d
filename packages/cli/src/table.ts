import type { Paint } from './paint.js'

/** A label and its value; rows without a value are left out. */
export type Row = readonly [label: string, value: string | null]

const INDENT = '  '

/** Rows in two columns, indented. Values are printable already. */
export function renderRows(rows: readonly Row[], paint: Paint): string {
  const width = Math.max(...rows.map(([label]) => label.length))
  return rows
    .filter(([, value]) => value !== null && value !== '')
    .map(([label, value]) => `${INDENT}${paint('dim', label.padEnd(width))}${INDENT}${value}\n`)
    .join('')
}
