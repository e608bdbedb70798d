import { createHash, createPublicKey, type JsonWebKey } from 'node:crypto'
import type { Paint } from './paint.js'
import { type Row, renderRows } from './table.js'
import { printable } from './terminal.js'

/** What is shown of one key; never its private members. */
export interface KeySummary {
  readonly kid: string | null
  readonly kty: string | null
  readonly crv: string | null
  readonly bits: number | null
  readonly alg: string | null
  readonly use: string | null
  /** RFC 7638; `null` for a key that cannot be read. */
  readonly thumbprint: string | null
  readonly isPrivate: boolean
}

// RFC 7518 §6: one of these makes a key private; `k` is a shared secret.
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k']
const REQUIRED_MEMBERS = ['crv', 'e', 'kty', 'n', 'x', 'y'] // RFC 7638 §3.2, in order

/** The keys of a JWKS or of a single JWK; `null` for JSON that is neither. */
export function readKeySummaries(json: unknown): readonly KeySummary[] | null {
  if (!isRecord(json)) return null
  const keys = Array.isArray(json['keys']) ? json['keys'] : typeof json['kty'] === 'string' ? [json] : null
  return keys === null ? null : keys.filter(isRecord).map(summaryOf)
}

/** Keys as a table for people. */
export function describeKeys(keys: readonly KeySummary[], paint: Paint): string {
  if (keys.length === 0) return `${paint('bold', 'Key set')}, empty\n`
  return keys
    .map((key, index) => {
      const title = paint('bold', keys.length === 1 ? 'Key' : `Key ${index + 1} of ${keys.length}`)
      const warning = key.isPrivate ? `, ${paint('red', 'private: whoever reads this file can sign')}` : ''
      return `${title}${warning}\n${renderRows(rowsOf(key), paint)}`
    })
    .join('\n')
}

function summaryOf(jwk: Readonly<Record<string, unknown>>): KeySummary {
  return {
    kid: textOf(jwk['kid']),
    kty: textOf(jwk['kty']),
    crv: textOf(jwk['crv']),
    bits: jwk['kty'] === 'RSA' ? bitsOf(jwk) : null,
    alg: textOf(jwk['alg']),
    use: textOf(jwk['use']),
    thumbprint: thumbprintOf(jwk),
    isPrivate: PRIVATE_MEMBERS.some((member) => Object.hasOwn(jwk, member)),
  }
}

function rowsOf(key: KeySummary): readonly Row[] {
  const kind = [key.kty, key.crv, key.bits === null ? null : `${key.bits} bits`].filter((part) => part !== null).join(' ')
  const shown = (text: string | null) => (text === null ? null : printable(text))
  return [
    ['kid', shown(key.kid)],
    ['key', printable(kind)],
    ['alg', shown(key.alg)],
    ['use', shown(key.use)],
    ['thumbprint', key.thumbprint ?? 'none: the key cannot be read'],
  ]
}

function thumbprintOf(jwk: Readonly<Record<string, unknown>>): string | null {
  const exported = publicJwkOf(jwk)
  if (exported === null) return null
  const members = REQUIRED_MEMBERS.filter((name) => exported[name] !== undefined).map((name) => [name, exported[name]])
  return createHash('sha256')
    .update(JSON.stringify(Object.fromEntries(members)))
    .digest('base64url')
}

function bitsOf(jwk: Readonly<Record<string, unknown>>): number | null {
  const n = textOf(publicJwkOf(jwk)?.n)
  return n === null ? null : BigInt(`0x${Buffer.from(n, 'base64url').toString('hex')}`).toString(2).length
}

function publicJwkOf(jwk: Readonly<Record<string, unknown>>): JsonWebKey | null {
  const { kty, crv, x, y, n, e } = jwk
  const key = Object.fromEntries(Object.entries({ kty, crv, x, y, n, e }).filter(([, value]) => typeof value === 'string'))
  try {
    return createPublicKey({ key, format: 'jwk' }).export({ format: 'jwk' })
  } catch {
    return null
  }
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
