import { randomBytes } from 'node:crypto'
import {
  type ApiKey,
  type ApiKeyVerifier,
  type Code,
  type Connection,
  type Inbound,
  isRefusal,
  type Peer,
  type REPEATED,
} from '@countersign/core'
import {
  type ApiKeyOptions,
  type ApiKeyRecord,
  type CreateApiKeyOptions,
  createApiKey,
  createApiKeyVerifier,
  type IssuedApiKey,
  type MakeKeyHash,
} from '@countersign/token'
import { createConnection, createSurroundings, type TestSurroundings } from '../surroundings.js'

export const OWNER = 'spiffe://prod.example/orders'
export const HASH_KEY = randomBytes(32)
export const HOME = '192.0.2.1'

export interface KeyBench {
  readonly surroundings: TestSurroundings
  readonly verifier: ApiKeyVerifier
  readonly issued: IssuedApiKey
}

/** A key of {@link OWNER}, made now. */
export function issue(surroundings: TestSurroundings, more: Partial<CreateApiKeyOptions> = {}): IssuedApiKey {
  return createApiKey({ owner: OWNER, scopes: ['invoices:read'], hashKey: HASH_KEY, clock: surroundings.clock, ...more })
}

/** Options that know these records. */
export function optionsFor(records: readonly ApiKeyRecord[], more: Partial<ApiKeyOptions> = {}): ApiKeyOptions {
  return { keys: records, hashKey: HASH_KEY, owners: [{ trustDomain: 'prod.example' }, 'alice'], ...more }
}

/** One key, a verifier that knows it, and the world around them. */
export function createKeyBench(more: Partial<ApiKeyOptions> = {}, makeHash?: MakeKeyHash): KeyBench {
  const surroundings = createSurroundings()
  const issued = issue(surroundings)
  return { surroundings, issued, verifier: createApiKeyVerifier(optionsFor([issued.record], more), surroundings, makeHash) }
}

/** A request with a key from an address, on a connection of its own unless one is given. */
export function keyed(text: string | null | typeof REPEATED, address: string | null = HOME, connection?: Connection): Inbound {
  return withFields({ 'x-api-key': text }, address, connection)
}

export function withFields(
  fields: Readonly<Record<string, string | null | typeof REPEATED>>,
  address: string | null = HOME,
  connection: Connection = createConnection(),
): Inbound {
  return {
    protocol: 'http/1.1',
    method: 'GET',
    target: '/',
    authority: 'billing.example',
    rawHeaders: [],
    clientAddress: address,
    bodyRead: false,
    connection,
    header: (name) => fields[name] ?? null,
  }
}

export type Status = Code | 'ok' | 'none' | 'open'

/** What the verifier says, as the guard asks it. */
export async function statusOf(verifier: ApiKeyVerifier, inbound: Inbound, peer: Peer | null = null): Promise<Status> {
  const recalled = verifier.recall(inbound, peer)
  return wordOf(recalled === undefined ? await verifier.verify(inbound, peer) : recalled)
}

export async function keyFor(verifier: ApiKeyVerifier, inbound: Inbound, peer: Peer | null = null): Promise<ApiKey> {
  const recalled = verifier.recall(inbound, peer)
  const found = recalled === undefined ? await verifier.verify(inbound, peer) : recalled
  if (found === null || isRefusal(found)) throw new Error(`not verified: ${wordOf(found)}`)
  return found
}

export function wordOf(found: ReturnType<ApiKeyVerifier['recall']>): Status {
  return found === undefined ? 'open' : found === null ? 'none' : isRefusal(found) ? found.code : 'ok'
}

/** The same key with another secret, well-formed: what a guess looks like. */
export function guessOf(issued: IssuedApiKey, surroundings: TestSurroundings): string {
  const other = issue(surroundings)
  return withId(other.text, issued.record.id)
}

/** The id of a key put in the place of another's, with the checksum made to fit. */
export function withId(text: string, id: string): string {
  const [prefix = '', , rest = ''] = text.split('_')
  const body = `${prefix}_${id}_${rest.slice(0, -6)}`
  return body + checksum(body)
}

export function peerOf(value: string, kind: 'spiffe' | 'dns' = 'spiffe'): Peer {
  const authority = kind === 'spiffe' ? (value.split('/')[2] ?? '') : ''
  return { id: value, identity: { kind, authority, value }, certificate: null } as unknown as Peer
}

/** CRC-32 (IEEE 802.3), bit by bit, in six digits of base 62: written anew from its definition. */
export function checksum(text: string): string {
  let crc = 0xffffffff
  for (const byte of Buffer.from(text)) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0)
  }
  let rest = (crc ^ 0xffffffff) >>> 0
  let digits = ''
  for (let place = 0; place < 6; place++, rest = Math.floor(rest / 62))
    digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'.charAt(rest % 62) + digits
  return digits
}
