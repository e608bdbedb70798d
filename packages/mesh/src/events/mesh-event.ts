import { isJsonObject, type JsonObject, parseJson, type StateEvent } from '@countersign/core'
import { eventTopic, MESH_EVENT_TYPES, type MeshEventType } from './event-topic.js'

/** What an event says: ids and times, never what they stand for. A token is its `jti`, a session its id. */
export interface MeshEvent {
  readonly type: MeshEventType
  /** The same in every delivery of one event. */
  readonly id: string
  /** `iss` of the mesh. */
  readonly issuer: string
  /** Epoch milliseconds. */
  readonly atMs: number
  /** The service that it is about, or that has acted. */
  readonly service?: string
  /** The service that something was made for. */
  readonly target?: string
  /** `jti`. */
  readonly tokenId?: string
  readonly sessionId?: string
  readonly correlationId?: string
  /** `kid`. */
  readonly keyId?: string
  /** `x5t#S256`. */
  readonly certificate?: string
  readonly reason?: string
}

const TEXTS = ['service', 'target', 'tokenId', 'sessionId', 'correlationId', 'keyId', 'certificate', 'reason'] as const
const MAX_TEXT = 2048

/** What must be in each. */
const REQUIRED: Readonly<Record<MeshEventType, readonly (typeof TEXTS)[number][]>> = {
  'auth.service.authenticated': ['service', 'target', 'tokenId'],
  'auth.service.registered': ['service'],
  'auth.service.deregistered': ['service'],
  'auth.service.revoked': ['service', 'reason'],
  'auth.token.exchanged': ['service', 'target', 'tokenId'],
  'auth.token.revoked': ['tokenId', 'reason'],
  'auth.token.expired': ['service', 'tokenId'],
  'auth.key.revoked': ['keyId', 'reason'],
  'auth.certificate.revoked': ['certificate', 'reason'],
  'auth.session.created': ['sessionId'],
  'auth.session.propagated': ['service', 'target', 'tokenId', 'sessionId', 'correlationId'],
  'auth.session.revoked': ['sessionId', 'reason'],
  'auth.session.expired': ['sessionId'],
}

/** The event as the outbox keeps it, to be committed with the change that it tells of. */
export function stateEventFrom(event: MeshEvent): StateEvent {
  const topic = event.type === 'auth.session.propagated' ? eventTopic(event.type, event.target) : eventTopic(event.type)
  return { id: event.id, topic, payload: JSON.stringify(event), atMs: event.atMs }
}

/**
 * Reads the payload of an event, strictly: for whoever gets it from a broker.
 * @returns `null` for whatever is none, has a member that none has, or lacks one that its type must have.
 */
export function parseMeshEvent(payload: string): MeshEvent | null {
  const value = parseJson(payload)
  if (!isJsonObject(value)) return null
  const { id, issuer, atMs } = value
  const type = MESH_EVENT_TYPES.find((one) => one === value['type'])
  if (type === undefined || !isText(id) || !isText(issuer) || typeof atMs !== 'number') return null
  const known = ['type', 'id', 'issuer', 'atMs', ...TEXTS]
  if (Object.keys(value).some((name) => !known.includes(name))) return null
  const texts = textsOf(value)
  if (texts === null || REQUIRED[type].some((name) => texts[name] === undefined)) return null
  return Object.freeze({ type, id, issuer, atMs, ...texts })
}

function textsOf(value: JsonObject): Partial<Record<(typeof TEXTS)[number], string>> | null {
  const texts: Partial<Record<(typeof TEXTS)[number], string>> = {}
  for (const name of TEXTS) {
    const text = value[name]
    if (text === undefined) continue
    if (!isText(text)) return null
    texts[name] = text
  }
  return texts
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= MAX_TEXT
}
