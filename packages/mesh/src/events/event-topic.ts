import { createHash } from 'node:crypto'

/** What happened, as other systems hear of it. */
export type MeshEventType =
  | 'auth.service.authenticated'
  | 'auth.service.registered'
  | 'auth.service.deregistered'
  | 'auth.service.revoked'
  | 'auth.token.exchanged'
  | 'auth.token.revoked'
  | 'auth.token.expired'
  | 'auth.key.revoked'
  | 'auth.certificate.revoked'
  | 'auth.session.created'
  | 'auth.session.propagated'
  | 'auth.session.revoked'
  | 'auth.session.expired'

/** Every one of them. */
export const MESH_EVENT_TYPES: readonly MeshEventType[] = Object.freeze([
  'auth.service.authenticated',
  'auth.service.registered',
  'auth.service.deregistered',
  'auth.service.revoked',
  'auth.token.exchanged',
  'auth.token.revoked',
  'auth.token.expired',
  'auth.key.revoked',
  'auth.certificate.revoked',
  'auth.session.created',
  'auth.session.propagated',
  'auth.session.revoked',
  'auth.session.expired',
])

/** Longer names stand for themselves by their digest: brokers bound their topics. */
const MAX_ENCODED = 160
const PLAIN = /[a-z0-9-]/i

/**
 * The topic that an event goes to: its type, and for a session that was handed on the service that it was handed on to.
 * @example
 * eventTopic('auth.session.propagated', 'spiffe://prod.example/billing') // 'auth.session.propagated.spiffe_3A_2F_2Fprod_2Eexample_2Fbilling'
 */
export function eventTopic(type: MeshEventType, target?: string): string {
  return target === undefined ? type : `${type}.${topicSegment(target)}`
}

/**
 * A name as one segment of a topic: letters, digits and `-` as they are, every other byte as `_` and two hexadecimal digits. No two names
 * make one segment, and none can make another level (`.`, `/`) or a pattern (`*`, `>`, `#`, `+`) of any broker.
 */
export function topicSegment(name: string): string {
  let segment = ''
  for (const byte of Buffer.from(name, 'utf8')) {
    const letter = String.fromCharCode(byte)
    segment += PLAIN.test(letter) ? letter : `_${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  // `_h` is no byte.
  return segment.length <= MAX_ENCODED ? segment : `_h${createHash('sha256').update(name).digest('hex')}`
}
