import { FetchError } from './fetch-error.js'

/**
 * Reads the body of an answer. Nothing of it is kept that goes beyond the bound, and the rest is not waited for.
 * @throws {FetchError} if it is longer, or breaks off.
 */
export async function readBounded(body: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let length = 0
  try {
    for await (const chunk of body) {
      length += chunk.length
      // Leaving the loop cancels the body.
      if (length > maxBytes) throw new FetchError('the answer is too large')
      chunks.push(chunk)
    }
  } catch (cause) {
    throw cause instanceof FetchError ? cause : new FetchError('the answer broke off', { cause })
  }
  return joined(chunks, length)
}

function joined(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.length
  }
  return bytes
}
