import { createHash, timingSafeEqual } from 'node:crypto'

/** What a handle is made of: the session's id, which is no secret, and a secret of 256 bits. */
export interface SessionHandle {
  readonly id: string
  readonly secret: string
}

/** Of a secret, in bytes. */
export const SECRET_BYTES = 32
/** Of a session id, in bytes. */
export const SESSION_ID_BYTES = 16
const HANDLE = /^([\w-]{22})\.([\w-]{43})$/

export function writeSessionHandle({ id, secret }: SessionHandle): string {
  return `${id}.${secret}`
}

/** `null` for whatever is no handle. */
export function readSessionHandle(handle: unknown): SessionHandle | null {
  const parts = typeof handle === 'string' ? HANDLE.exec(handle) : null
  return parts === null ? null : { id: parts[1] ?? '', secret: parts[2] ?? '' }
}

/** A secret of 256 random bits needs no slow hash: nobody can try them all. */
export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url')
}

/** Takes as long for a near miss as for a far one. */
export function isSecretOf(hash: string, secret: string): boolean {
  const expected = Buffer.from(hash)
  const given = Buffer.from(hashSecret(secret))
  return expected.length === given.length && timingSafeEqual(expected, given)
}
