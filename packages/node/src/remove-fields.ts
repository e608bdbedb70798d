import type { Grant } from '@countersign/core'

/** What holds the header fields of a request: one of node:http, or what a handler of HTTP/2's `stream` event is given. */
interface FieldHolder {
  readonly headers?: object
  readonly headersDistinct?: object
  readonly rawHeaders: readonly string[]
}

/** Takes the fields that were ignored off a request, wherever Node keeps them, so that no handler believes them. */
export function removeIgnoredFields(holder: FieldHolder, { ignoredFields }: Grant): void {
  if (ignoredFields.length === 0) return
  const names = new Set(ignoredFields.map((name) => name.toLowerCase()))
  // Node makes these of the raw list when they are first asked for, counting on its length: they are asked for before it gets shorter.
  for (const record of [holder.headers, holder.headersDistinct])
    if (record !== undefined) for (const name of names) Reflect.deleteProperty(record, name)
  const raw = holder.rawHeaders as string[]
  for (let at = raw.length - 2; at >= 0; at -= 2) if (names.has((raw[at] ?? '').toLowerCase())) raw.splice(at, 2)
}
