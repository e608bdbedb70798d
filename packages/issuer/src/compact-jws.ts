import { MisuseError } from '@countersign/core'
import type { SigningAlgorithm } from './signing-algorithm.js'

/** Protected headers, encoded once each. */
export interface HeaderCache {
  of(kid: string, typ: string): string
}

// RFC 8725bis §3.14: the characters of a media type, without the prefix `application/` (§3.11).
const TYPE = /^[A-Za-z0-9_.+-]{1,64}$/
// The kinds of token that one issuer makes, under the keys of a few rotations.
const MAX_HEADERS = 64

/** Makes the protected headers of one algorithm. */
export function createHeaderCache(algorithm: SigningAlgorithm): HeaderCache {
  const headers = new Map<string, string>()
  return {
    of(kid, typ) {
      // No kid holds a blank: it is base64url.
      const name = `${kid} ${typ}`
      const known = headers.get(name)
      if (known !== undefined) return known
      if (!TYPE.test(typ)) throw new MisuseError('ERR_OPTION_INVALID', 'typ', 'takes a media type without application/, such as at+jwt')
      const header = encodeJson({ alg: algorithm, typ, kid })
      if (headers.size >= MAX_HEADERS) headers.clear()
      headers.set(name, header)
      return header
    },
  }
}

/** A part of a compact JWS (RFC 7515 §7.1). */
export function encodeJson(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
