import type { JsonObject } from '@countersign/core'

/** Headers of tokens that were verified, by their text: the tokens of an issuer mostly share one, and need not have it read again. */
export interface HeaderMemory {
  recall(text: string): JsonObject | undefined
  /** @param signingInput of a token whose signature was right: nobody else can fill the memory. */
  remember(signingInput: string, header: JsonObject): void
}

// A key and a `typ` of some issuers each. An issuer that gives every token a header of its own has nothing of it.
const MAX_HEADERS = 64
const MAX_LENGTH = 1024

export function createHeaderMemory(): HeaderMemory {
  const headers = new Map<string, JsonObject>()
  const known = new Set<JsonObject>()
  return {
    recall: (text) => headers.get(text),
    remember(signingInput, header) {
      const length = signingInput.indexOf('.')
      if (known.has(header) || length > MAX_LENGTH) return
      if (headers.size === MAX_HEADERS) {
        headers.clear()
        known.clear()
      }
      headers.set(signingInput.slice(0, length), header)
      known.add(header)
    },
  }
}
