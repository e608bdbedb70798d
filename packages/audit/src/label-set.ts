import type { Labels } from '@countersign/core'

/** Values of an instrument, one series for each set of labels. */
export interface SeriesMap<T> {
  /** The series of these labels; past the bound, the one of `{overflow="true"}`. */
  of(labels: Labels | undefined): T
  entries(): Iterable<readonly [labels: string, series: T]>
}

/** Label values come from fixed sets; this holds the mistake of using one that does not. */
const MAX_SERIES = 1000
const MAX_VALUE_LENGTH = 128
const LABEL_NAME = /^(?!__)[A-Za-z_][A-Za-z0-9_]*$/
const PLAIN = /^[\w .:/-]*$/
const OVERFLOW = 'overflow="true"'

/** Makes an empty {@link SeriesMap}. `reserved`: the label that the exposition writes itself. */
export function createSeriesMap<T>(make: () => T, reserved: string | null): SeriesMap<T> {
  const series = new Map<string, T>()
  const known = new WeakMap<Labels, T>()

  function find(labels: Labels | undefined): T {
    const text = labels === undefined ? '' : textOf(labels, reserved)
    const key = text !== null && (series.has(text) || series.size < MAX_SERIES) ? text : OVERFLOW
    const found = series.get(key) ?? make()
    series.set(key, found)
    return found
  }

  return {
    of(labels) {
      if (labels === undefined || !Object.isFrozen(labels)) return find(labels)
      const found = known.get(labels) ?? find(labels)
      known.set(labels, found)
      return found
    },
    entries: () => series.entries(),
  }
}

/** @returns the labels as Prometheus writes them, by name; `null` if a name is none. */
function textOf(labels: Labels, reserved: string | null): string | null {
  const parts: string[] = []
  for (const name of Object.keys(labels).sort()) {
    if (!LABEL_NAME.test(name) || name === reserved) return null
    parts.push(`${name}="${escapeValue(String(labels[name]))}"`)
  }
  return parts.join(',')
}

// The format knows three escapes and no other; what else is no character to be shown is replaced.
function escapeValue(value: string): string {
  const text = value.slice(0, MAX_VALUE_LENGTH)
  return PLAIN.test(text)
    ? text
    : text
        .replaceAll('\\', '\\\\')
        .replaceAll('"', '\\"')
        .replaceAll('\n', '\\n')
        .replace(/\p{Cc}/gu, '\ufffd')
}
