/**
 * A copy of options in which one field is another.
 * @param path keys of objects and indexes of lists, from the outside in.
 * @param put `undefined` leaves the field out of an object.
 */
export function withField<T>(options: T, path: readonly string[], put: unknown): T {
  return changed(options, path, put) as T
}

function changed(value: unknown, [key = '', ...rest]: readonly string[], put: unknown): unknown {
  const copy: Record<string, unknown> | unknown[] = Array.isArray(value) ? [...(value as unknown[])] : { ...(value as object) }
  const fields = copy as Record<string, unknown>
  if (rest.length > 0) fields[key] = changed(fields[key], rest, put)
  else if (put === undefined) delete fields[key]
  else fields[key] = put
  return copy
}
