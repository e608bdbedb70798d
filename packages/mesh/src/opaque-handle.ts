import { createHash, timingSafeEqual } from 'node:crypto'
import type { MeshCore } from './mesh-core.js'

/** What a handle is made of, of a session or a refresh token: the id of its record, which is no secret, and a secret of 256 bits. */
export interface OpaqueHandle {
  readonly id: string
  readonly secret: string
}

const ID_BYTES = 16
/** 256 bits: nothing is gained by guessing. */
const SECRET_BYTES = 32
/** Each in base64url. */
const HANDLE = /^([\w-]{22})\.([\w-]{43})$/

/** Draws a handle. @param id of a record that is there already; a new one otherwise. */
export function newHandle({ randomBytes }: Pick<MeshCore, 'randomBytes'>, id?: string): OpaqueHandle {
  const random = (bytes: number): string => Buffer.from(randomBytes(bytes)).toString('base64url')
  return { id: id ?? random(ID_BYTES), secret: random(SECRET_BYTES) }
}

export function writeHandle({ id, secret }: OpaqueHandle): string {
  return `${id}.${secret}`
}

/** `null` for whatever is no handle. */
export function readHandle(handle: unknown): OpaqueHandle | null {
  const parts = typeof handle === 'string' ? HANDLE.exec(handle) : null
  return parts === null ? null : { id: parts[1] ?? '', secret: parts[2] ?? '' }
}

/** What is kept of a secret. One of 256 random bits needs no slow hash: nobody can try them all. */
export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url')
}

/** Takes as long for a near miss as for a far one. */
export function isSecretOf(hash: string, secret: string): boolean {
  const expected = Buffer.from(hash)
  const given = Buffer.from(hashSecret(secret))
  return expected.length === given.length && timingSafeEqual(expected, given)
}
