import { isRefusal, type Refusal } from '@countersign/core'
import { MAX_XFCC_ELEMENTS, MAX_XFCC_PAIRS } from './limits.js'
import { malformed, tooLarge } from './refusals.js'

/** `Key=Value` of an element, the key in lower case, the value without its quotes. */
export type XfccPair = readonly [key: string, value: string]

const [QUOTE, BACKSLASH, COMMA, SEMICOLON] = [0x22, 0x5c, 0x2c, 0x3b] as const
const KEY = /^[A-Za-z][A-Za-z0-9_-]{0,31}$/

/**
 * Splits the text form of `x-forwarded-client-cert` into its elements and their pairs.
 *
 * Read from the left to the end, and refused as a whole where anything is not well-formed. What stands on the left came from further out,
 * with `APPEND_FORWARD` from the client itself; an open quote there would swallow the separators of the element that the trusted proxy
 * wrote, and a reader that starts from the right cannot know whether it is inside of quotes. With every quote closed and followed by a
 * separator there is one way to split, and what elements further left *say* does not matter.
 */
export function splitXfcc(text: string): readonly (readonly XfccPair[])[] | Refusal {
  const elements: XfccPair[][] = []
  let pairs: XfccPair[] = []
  let at = 0
  for (;;) {
    at = skipSpace(text, at)
    const equals = text.indexOf('=', at)
    const key = text.slice(at, Math.max(at, equals))
    if (!KEY.test(key)) return malformed('xfcc', 'pair')
    const read = text[equals + 1] === '"' ? quoted(text, equals + 1) : bare(text, equals + 1)
    if (isRefusal(read)) return read
    pairs.push([key.toLowerCase(), read.value])
    if (pairs.length > MAX_XFCC_PAIRS) return tooLarge('xfcc', 'elements')
    at = skipSpace(text, read.end)
    const separator = text[at++]
    if (separator === ';') continue
    if (separator !== ',' && separator !== undefined) return malformed('xfcc', 'quotes')
    elements.push(pairs)
    if (separator === undefined) return elements
    if (elements.length === MAX_XFCC_ELEMENTS) return tooLarge('xfcc', 'elements')
    pairs = []
  }
}

interface Value {
  readonly value: string
  readonly end: number
}

/**
 * A value in quotes. A backslash takes the next character with it, whatever it is: Envoy puts the subject between quotes as RFC 2253 has
 * it, where `\;` and `\"` stand for themselves, so quotes are balanced with and without an escaping of Envoy's own.
 */
function quoted(text: string, open: number): Value | Refusal {
  let value = ''
  let from = open + 1
  for (let at = from; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    if (unit === QUOTE) return { value: value + text.slice(from, at), end: at + 1 }
    if (unit === BACKSLASH) {
      value += text.slice(from, at)
      from = ++at
    }
  }
  return malformed('xfcc', 'quotes')
}

/** A value without quotes holds none: one that opens in the middle would hide what follows from another reader. */
function bare(text: string, from: number): Value | Refusal {
  let end = from
  for (; end < text.length; end++) {
    const unit = text.charCodeAt(end)
    if (unit === COMMA || unit === SEMICOLON) break
    if (unit === QUOTE) return malformed('xfcc', 'quotes')
  }
  return { value: text.slice(from, end).trim(), end }
}

function skipSpace(text: string, from: number): number {
  let at = from
  while (text[at] === ' ' || text[at] === '\t') at++
  return at
}
