import { createHmac, createSecretKey, timingSafeEqual } from 'node:crypto'
import { hkdfSha256, StateError } from '@countersign/core'

/** What a seal is of: one of a kind never passes for another. */
export type Sealed = 'record' | 'revocation' | 'event' | 'generation'

/** Authenticates what is kept where others may write too (HMAC with SHA-256, RFC 2104). */
export interface Sealer {
  /** @returns 43 characters of base64url. */
  seal(kind: Sealed, ...parts: readonly (string | number)[]): string
  /** @throws {StateError} `tampered`, and tells of it, if the seal is not of these parts. */
  check(seal: string, kind: Sealed, ...parts: readonly (string | number)[]): void
  /** Something that has no form that could be checked. */
  tampered(kind: Sealed): StateError
}

export const SEAL_LENGTH = 43

const KEY_BYTES = 32
const PURPOSE = 'countersign redis state v1'

/**
 * @param secret of 32 bytes or more, for this mesh alone. The key is derived from it (HKDF, RFC 5869) for this purpose and this name: a
 * value of another mesh, or of another use of the secret, does not verify.
 * @param onTampered told of everything that does not verify, before anybody can use it.
 */
export function createSealer(secret: Uint8Array, name: string, onTampered: (kind: Sealed) => void): Sealer {
  const key = createSecretKey(hkdfSha256(secret, Buffer.from(name), Buffer.from(PURPOSE), KEY_BYTES))
  // With its type and length before each part, so that no two lists of parts are the same text.
  const seal = (kind: Sealed, parts: readonly (string | number)[]): Buffer => {
    let text: string = kind
    for (const part of parts) text += typeof part === 'number' ? ` n${part};` : ` s${part.length}:${part};`
    return createHmac('sha256', key).update(text).digest()
  }

  function tampered(kind: Sealed): StateError {
    onTampered(kind)
    return new StateError('tampered', `a ${kind} in the store was not written by this mesh, or with another macKey`)
  }

  return {
    seal: (kind, ...parts) => seal(kind, parts).toString('base64url'),
    check(text, kind, ...parts) {
      const given = Buffer.from(text, 'base64url')
      const right = seal(kind, parts)
      if (given.length !== right.length || !timingSafeEqual(given, right)) throw tampered(kind)
    },
    tampered,
  }
}

/** What is read, or `null` where it does not verify: the sealer has told of it. */
export function unlessTampered<T>(read: () => T): T | null {
  try {
    return read()
  } catch (error) {
    if (error instanceof StateError && error.reason === 'tampered') return null
    throw error
  }
}
