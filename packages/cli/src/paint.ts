/** What {@link Paint} knows. */
export type Colour = 'bold' | 'dim' | 'red' | 'yellow' | 'green'

/** Colours a text, or on a terminal without colours leaves it as it is. */
export type Paint = (colour: Colour, text: string) => string

const CODES: Readonly<Record<Colour, readonly [on: number, off: number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  yellow: [33, 39],
  green: [32, 39],
}

/** ANSI colours (ECMA-48 §8.3.117), or none. */
export function createPaint(enabled: boolean): Paint {
  if (!enabled) return (_, text) => text
  return (colour, text) => {
    const [on, off] = CODES[colour]
    return `\u001b[${on}m${text}\u001b[${off}m`
  }
}
