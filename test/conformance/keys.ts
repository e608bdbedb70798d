import { randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'
import type { Clock } from '@countersign/core'
import { type ApiKeyRecord, createApiKey, type IssuedApiKey } from '@countersign/token'
import { idOf } from './certificates.js'

/** What rows send as an API key. */
export interface Keys {
  readonly records: readonly ApiKeyRecord[]
  readonly hashKey: Uint8Array
  of(kind: KeyKind): string
  /** The part of a key that is no secret. */
  idOf(kind: KeyKind): string
}

export type KeyKind = keyof ReturnType<typeof recipes>

/** Makes the keys; `clock` is the one that guards judge by. */
export function createKeys(clock: Clock): Keys {
  const hashKey = randomBytes(32)
  const { unknown, wrong, garbage, ...known } = recipes(clock, hashKey)
  const records = Object.values(known).map(({ record }) => record)
  const texts: Readonly<Record<KeyKind, string>> = {
    ...(Object.fromEntries(Object.entries(known).map(([kind, { text }]) => [kind, text])) as Record<keyof typeof known, string>),
    unknown: unknown.text,
    wrong: withId(wrong.text, known.orders.record.id),
    garbage: 'csk_rubbish',
  }
  return {
    records,
    hashKey,
    of: (kind) => texts[kind],
    idOf: (kind) => texts[kind].split('_')[1] ?? '',
  }
}

function recipes(clock: Clock, hashKey: Uint8Array) {
  const hoursAgo = (hours: number): Clock => ({ nowMs: () => clock.nowMs() - hours * 3_600_000 })
  const key = (owner: string, scopes: readonly string[] = [], more = {}): IssuedApiKey =>
    createApiKey({ owner, scopes, hashKey, clock, ...more })
  const status = ({ text, record }: IssuedApiKey) => ({ text, record: { ...record, status: 'revoked' as const } })

  return {
    // accepted
    orders: key(idOf('/orders'), ['invoices:read', 'invoices:list']),
    shipping: key(idOf('/shipping')),
    batch: key('batch'),

    // refused
    expired: key(idOf('/orders'), [], { clock: hoursAgo(1), expiresInSeconds: 3600 }),
    revoked: status(key(idOf('/orders'))),
    'on-the-list': key(idOf('/orders')),
    foreign: key('spiffe://evil.example/orders'),
    unknown: key(idOf('/orders')),
    wrong: key(idOf('/orders')),
    garbage: null,
  }
}

/** A well-formed key under the id of another: what a guess looks like. */
function withId(text: string, id: string): string {
  const [prefix = '', , secret = ''] = text.split('_')
  const body = `${prefix}_${id}_${secret.slice(0, -6)}`
  const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
  let digits = ''
  for (let place = 0, rest = crc32(body); place < 6; place++, rest = Math.floor(rest / 62)) digits = alphabet.charAt(rest % 62) + digits
  return body + digits
}
