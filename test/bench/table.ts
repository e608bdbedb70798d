import type { Estimate } from './statistics.js'

/** A table in Markdown. All columns but the first are figures. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map((_, column) => (column === 0 ? '---' : '--:')), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

export function written({ value, low, high }: Estimate, digits: number): string {
  return `${value.toFixed(digits)} [${low.toFixed(digits)}, ${high.toFixed(digits)}]`
}

/** Kept or missed for sure, or open: the target lies within the interval. */
export function verdict({ low, high, value }: Estimate, most: number): string {
  if (high <= most) return 'kept'
  if (low > most) return 'missed'
  return `${value <= most ? 'kept' : 'missed'} by the median, open by its interval`
}
