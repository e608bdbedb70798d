/** What is read here nests six deep at most: an event of API Gateway. */
const MAX_DEPTH = 32
const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\]:]/g

/**
 * A JSON text whose objects have no member name twice, nested within bounds. `undefined` for any other text, which no JSON value is.
 * Two readers of one text with a name twice need not agree on which of the two counts.
 */
export function parseUniqueJson(text: string): unknown {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  return hasUniqueNames(text) ? value : undefined
}

/** A member of an object's own, never an inherited one; `undefined` if it has none of that name, or is no object. */
export function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined
}

// The text is known to be JSON: a string before a colon is the name of a member.
function hasUniqueNames(text: string): boolean {
  const open: Set<string>[] = []
  let last = ''
  for (const [token] of text.matchAll(TOKEN)) {
    if (token === '{' || token === '[') {
      if (open.push(new Set()) > MAX_DEPTH) return false
    } else if (token === '}' || token === ']') open.pop()
    else if (token === ':') {
      const names = open.at(-1)
      const name: unknown = JSON.parse(last)
      if (names === undefined || typeof name !== 'string' || names.has(name)) return false
      names.add(name)
    } else last = token
  }
  return true
}
