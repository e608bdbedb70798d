/** What came back for one request, on any protocol. */
export interface Answer {
  /** `0`: the connection or the stream ended without an answer. */
  readonly status: number
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: string
}

/** The answer of a server that hung up. */
export const NO_ANSWER: Answer = Object.freeze({ status: 0, headers: Object.freeze([]), body: '' })

/** The one value of a field of an answer, `null` without it. Twice the same field is joined, so that no test overlooks the second. */
export function fieldOf({ headers }: Answer, name: string): string | null {
  const values = headers.filter(([key]) => key.toLowerCase() === name.toLowerCase()).map(([, value]) => value)
  return values.length === 0 ? null : values.join(' // ')
}
