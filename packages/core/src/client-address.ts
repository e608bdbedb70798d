import { ipTextOf, parseIpAddress } from './ip-address.js'

/** Longer values are not read: an element is some 40 characters, and nobody stands behind a hundred proxies. */
const MAX_VALUE_LENGTH = 4096

/** RFC 7239 §6: a port is five digits at most, or a name that hides one. */
const PORT = /^(?:\d{1,5}|_[A-Za-z0-9._-]+)$/
/** RFC 9110 §5.6.2. */
const TOKEN = /[!#$%&'*+\-.^_`|~0-9A-Za-z]+/y
/** RFC 9110 §5.6.4: what may stand in a quoted string, and the escapes. No two branches begin alike, so time is linear. */
const QUOTED = /"(?:[\t !#-[\]-~\x80-\xff]|\\[\t !-~\x80-\xff])*"/y
/** RFC 9110 §5.6.1.2: around the commas of a list. */
const WHITESPACE = /[\t ]*/y

/**
 * Reads the client's address from `X-Forwarded-For`: the one that the first of the trusted proxies saw. Whatever stands further left came
 * with the request and may be anything.
 * @param value the field's value; several fields are joined by `, ` in their order.
 * @param hops trusted proxies between the client and here, from 1: their elements are counted from the right.
 * @returns the address in its canonical form, without the port that some proxies write; `null` where there are too few elements, the one
 * that counts is no address, or the value is longer than 4,096 characters.
 * @example
 * clientAddressFromXForwardedFor('203.0.113.9, 198.51.100.7:4711', 1) // '198.51.100.7'
 */
export function clientAddressFromXForwardedFor(value: string, hops: number): string | null {
  if (value.length > MAX_VALUE_LENGTH) return null
  let end = value.length
  for (let hop = 1; ; hop++) {
    const comma = end === 0 ? -1 : value.lastIndexOf(',', end - 1)
    if (hop === hops) return addressOfNode(trimmed(value.slice(comma + 1, end)), true)
    if (comma === -1) return null
    end = comma
  }
}

/**
 * The same from `Forwarded` (RFC 7239 §4), by its `for` parameters. The value must be well-formed as a whole: where an element ends cannot
 * be told otherwise.
 * @param value as for {@link clientAddressFromXForwardedFor}.
 * @param hops as for {@link clientAddressFromXForwardedFor}.
 * @returns the same; `null` too where the element that counts has no `for`, or it says `unknown` or a name that hides the address.
 * @example
 * clientAddressFromForwarded('for=203.0.113.9, for="[2001:db8::7]:4711";proto=https', 1) // '2001:db8::7'
 */
export function clientAddressFromForwarded(value: string, hops: number): string | null {
  if (value.length > MAX_VALUE_LENGTH) return null
  const nodes = parseNodes(value)
  const node = nodes?.[nodes.length - hops] ?? null
  return node === null ? null : addressOfNode(node, false)
}

/**
 * Can a value of this field be read at all? One that cannot was not written by the proxy alone: others have put something in front of what it says.
 * @returns `null`: yes.
 */
export function flawOfAddressField(field: 'x-forwarded-for' | 'forwarded', value: string): 'too-long' | 'malformed' | null {
  if (value.length > MAX_VALUE_LENGTH) return 'too-long'
  return field === 'forwarded' && parseNodes(value) === null ? 'malformed' : null
}

/** @returns what each element's `for` says, `null` for an element without; `null` for a value that is malformed. */
function parseNodes(value: string): (string | null)[] | null {
  const nodes: (string | null)[] = []
  let at = 0
  function take(pattern: RegExp): string | null {
    pattern.lastIndex = at
    const taken = pattern.exec(value)?.[0] ?? null
    at += taken?.length ?? 0
    return taken
  }
  for (;;) {
    take(WHITESPACE)
    const names = new Set<string>()
    let node: string | null = null
    for (;;) {
      const name = take(TOKEN)?.toLowerCase()
      if (name !== undefined) {
        // RFC 7239 §4: no parameter more than once in an element.
        if (value[at++] !== '=' || names.has(name)) return null
        names.add(name)
        const said = take(TOKEN) ?? unquoted(take(QUOTED))
        if (said === null) return null
        if (name === 'for') node = said
      }
      if (value[at] !== ';') break
      at++
    }
    nodes.push(node)
    take(WHITESPACE)
    if (at === value.length) return nodes
    if (value[at++] !== ',') return null
  }
}

function unquoted(quoted: string | null): string | null {
  return quoted === null ? null : quoted.slice(1, -1).replaceAll(/\\(.)/g, '$1')
}

/**
 * @param bare an IPv6 address may stand without brackets, as it does in X-Forwarded-For; RFC 7239 §6 wants them.
 */
function addressOfNode(node: string, bare: boolean): string | null {
  if (node.startsWith('[')) {
    const close = node.indexOf(']')
    const inside = node.slice(1, close)
    return close !== -1 && inside.includes(':') && isPortOrNothing(node.slice(close + 1)) ? canonical(inside) : null
  }
  const colon = node.indexOf(':')
  if (colon === -1) return canonical(node)
  if (node.includes(':', colon + 1)) return bare ? canonical(node) : null
  return isPortOrNothing(node.slice(colon)) ? canonical(node.slice(0, colon)) : null
}

function canonical(text: string): string | null {
  const address = parseIpAddress(text)
  return address === null ? null : ipTextOf(address)
}

function isPortOrNothing(text: string): boolean {
  if (text === '') return true
  const port = text.slice(1)
  return text.startsWith(':') && PORT.test(port) && !(Number(port) > 65_535)
}

function trimmed(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && isBlank(text[start])) start++
  while (end > start && isBlank(text[end - 1])) end--
  return text.slice(start, end)
}

function isBlank(character: string | undefined): boolean {
  return character === ' ' || character === '\t'
}
