import { type JsonObject, parseJsonObject, type Refusal, refuse } from '@countersign/core'
import { ALGORITHMS, type Algorithm } from './algorithm.js'
import { decodeCompact } from './compact.js'
import { checkHeader } from './header.js'
import { readJwks } from './key-set.js'
import { matchSignature } from './match-signature.js'
import { SIGNING_USES } from './verification-key.js'

/** A JWS whose signature was verified. */
export interface VerifiedJws {
  readonly header: JsonObject
  readonly payload: Uint8Array
}

const SIGNATURE = Object.freeze(refuse('ERR_TOKEN_SIGNATURE'))
const KEY_UNKNOWN = Object.freeze(refuse('ERR_TOKEN_KEY_UNKNOWN'))

/**
 * Verifies a compact JWS, whatever it signs, with the parsing, the key checks and the signature check that bearer tokens go through.
 *
 * @param jwks a JWK Set, as it was parsed from JSON.
 * @param algorithms those that may be used; names that are not an {@link Algorithm} are never.
 * @returns a refusal, not an exception, for whatever is wrong with the JWS or the keys.
 */
export async function verifyCompactJws(
  compact: string,
  jwks: { readonly keys: readonly unknown[] },
  algorithms: readonly string[],
): Promise<VerifiedJws | Refusal> {
  const jws = decodeCompact(compact)
  if ('refused' in jws) return jws
  const { header, signingInput, signature } = jws
  const allowed: ReadonlySet<string> = new Set<Algorithm>(ALGORITHMS.filter((name) => algorithms.includes(name)))
  const unfit = checkHeader(header, signature, allowed)
  if (unfit !== null) return unfit

  const { alg, kid } = header
  const found = readJwks(parseJsonObject(JSON.stringify({ keys: jwks.keys })), SIGNING_USES)
  const candidates = found?.keys.find(typeof kid === 'string' ? kid : null, String(alg)) ?? []
  if (candidates.length === 0) return KEY_UNKNOWN
  const key = await matchSignature(candidates, String(alg), signingInput, signature)
  return key === null ? SIGNATURE : { header, payload: jws.payload }
}
