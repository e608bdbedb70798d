import { createHash } from 'node:crypto'
import {
  type Clock,
  type Connection,
  clientAddressFromForwarded,
  clientAddressFromXForwardedFor,
  type Finding,
  flawOfAddressField,
  type Identity,
  type Inbound,
  isRefusal,
  type Peer,
  parseSpiffeId,
  type Recorder,
  type Refusal,
  refuse,
} from '@countersign/core'
import { LRUCache } from 'lru-cache'
import type { CheckedOptions } from '../check-options.js'
import type { LeafFact } from '../leaf-fact.js'
import type { LeafVerifier } from '../leaf-verifier.js'
import type { CheckedForwarded } from './check-forwarded.js'
import type { ForwardedEvidence } from './format.js'
import { createFieldReader } from './forwarded-fields.js'

/** Callers whom one proxy names. */
export interface ForwardedVerifier {
  /** Names of the fields that are read, lowercase. */
  readonly fields: readonly string[]
  /** Is this the proxy? @param peer what the connection's own certificate proves. */
  isFrom(connection: Connection, peer: Peer | null): boolean
  /** The client's address that the proxy tells; `null` where it tells none, a refusal where somebody else has meddled with the field. */
  clientAddressOf(inbound: Inbound): string | Refusal | null
  /** `undefined`: the field holds what was not seen before. `null`: the proxy says that there is no client certificate. */
  recall(inbound: Inbound): Finding<Peer> | undefined
  verify(inbound: Inbound): Promise<Finding<Peer>>
  /** `undefined`: a peer that this proxy did not name. */
  judge(peer: Peer): Refusal | null | undefined
}

/** Callers behind one proxy whose fields are known again: a mesh has thousands. */
const MAX_KNOWN = 10_000
/** The fields of all of them, in characters. */
const MAX_KNOWN_SIZE = 16 * 1024 * 1024
/** Refused ones have a place of their own: strangers must not drive known callers out. */
const MAX_REFUSED = 1_000

/** What fields were found to say: of a certificate to be judged again each time, of anything else for good. */
type Entry = LeafFact | { readonly lasting: Finding<Peer> }

/** @param leaves judges the certificates that the proxy hands on. */
export function createForwardedVerifier(
  settings: CheckedForwarded,
  options: Pick<CheckedOptions, 'identifyBy' | 'isNamePermitted'>,
  leaves: LeafVerifier,
  { clock, recorder }: { readonly clock: Clock; readonly recorder: Recorder },
): ForwardedVerifier {
  const { format, from, hops, maySpeakFor } = settings
  const read = createFieldReader(settings.fields, format.lists)
  const readAddress = settings.clientAddress === null ? null : createFieldReader({ address: settings.clientAddress }, ['address'])
  const addressFrom = settings.clientAddress === 'forwarded' ? clientAddressFromForwarded : clientAddressFromXForwardedFor
  const known = new LRUCache<string, Entry>({ max: MAX_KNOWN, maxSize: MAX_KNOWN_SIZE, sizeCalculation: (_, key) => key.length + 1 })
  const refused = new LRUCache<string, Entry>({ max: MAX_REFUSED, maxSize: MAX_KNOWN_SIZE, sizeCalculation: (_, key) => key.length + 1 })
  const asserted = new WeakSet<Peer>()
  const slot = Symbol('countersign.is-proxy')
  let toldOfAccess = false

  function isFrom(connection: Connection, peer: Peer | null): boolean {
    if (from.kind === 'peer') return peer !== null && from.matches(peer)
    // A connection stays what it is.
    connection[slot] ??= from.kind === 'address' ? from.matches(connection) : connection.transport === 'unix' && isPrivate(connection)
    return connection[slot] === true
  }

  function isPrivate(connection: Connection): boolean {
    const access = connection.socketAccess()
    if (access === 'owner' || access === 'group') return true
    if (!toldOfAccess && recorder.wants('guard.misused')) {
      toldOfAccess = true
      recorder.record({
        kind: 'guard.misused',
        severity: 'error',
        code: 'ERR_OPTION_CONTRADICTION',
        message: `${settings.option}.from.unixSocket: everybody may connect to this socket, so it proves nothing: put it into a folder of mode 0700, or 0750 for a group`,
        facts: {},
      })
    }
    return false
  }

  function clientAddressOf(inbound: Inbound): string | Refusal | null {
    const field = settings.clientAddress
    if (field === null || readAddress === null) return null
    const found = readAddress(inbound)
    if (found === null || isRefusal(found)) return found
    const value = found.fields()['address'] ?? ''
    const address = addressFrom(value, hops)
    if (address !== null) return address
    // What a client has put in front must not make the proxy say nothing.
    switch (flawOfAddressField(field, value)) {
      case 'too-long':
        return refuse('ERR_FORWARDED_TOO_LARGE', { field, reason: 'bytes' })
      case 'malformed':
        return refuse('ERR_FORWARDED_MALFORMED', { field, reason: 'pair' })
      case null:
        return null
    }
  }

  function recall(inbound: Inbound): Finding<Peer> | undefined {
    const found = read(inbound)
    if (found === null || isRefusal(found)) return found
    const entry = known.get(found.key) ?? refused.get(found.key)
    if (entry === undefined) return undefined
    return 'lasting' in entry ? entry.lasting : leaves.current(entry, clock.nowMs())
  }

  async function verify(inbound: Inbound): Promise<Finding<Peer>> {
    const found = read(inbound)
    if (found === null || isRefusal(found)) return found
    const evidence = format.parse(found.fields(), hops)
    // What cannot be read is not kept: it is parsed again each time, within the failure budget of whoever sends it.
    if (isRefusal(evidence)) return evidence
    const entry = await entryOf(evidence)
    const finding = 'lasting' in entry ? entry.lasting : entry.finding
    ;(isRefusal(finding) ? refused : known).set(found.key, entry)
    return finding
  }

  async function entryOf(evidence: ForwardedEvidence | null): Promise<Entry> {
    if (evidence === null) return { lasting: null }
    if (evidence.kind === 'identity') return { lasting: assert(evidence.name) }
    const fingerprint = createHash('sha256').update(evidence.leaf).digest('hex')
    return leaves.find(fingerprint, clock.nowMs()) ?? leaves.verify({ ...evidence, fingerprint })
  }

  function assert(name: string): Peer | Refusal {
    if (maySpeakFor === null) return refuse('ERR_FORWARDED_UNVERIFIED', { reason: 'identity-only' })
    const identity = identityOf(name)
    if (!options.identifyBy.includes(identity.kind)) return refuse('ERR_PEER_NAME', { reason: 'no-name-of-these-kinds' })
    if (!maySpeakFor(identity.value)) return refuse('ERR_PEER_NAME_NOT_PERMITTED', { kind: identity.kind, reason: 'subjects' })
    if (options.isNamePermitted?.(identity.value) === false) return refuse('ERR_PEER_NAME_NOT_PERMITTED', { kind: identity.kind })
    const peer: Peer = Object.freeze({
      id: identity.value,
      identity,
      spiffeId: identity.kind === 'spiffe' ? identity.value : null,
      provenance: 'proxy-asserted',
      certificate: null,
      expiresAtMs: Number.POSITIVE_INFINITY,
    })
    asserted.add(peer)
    return peer
  }

  return {
    fields: [...Object.values(settings.fields), ...(settings.clientAddress === null ? [] : [settings.clientAddress])],
    isFrom,
    clientAddressOf,
    recall,
    verify,
    judge: (peer) => (asserted.has(peer) ? null : leaves.judge(peer, clock.nowMs())),
  }
}

function identityOf(name: string): Identity & { readonly kind: 'spiffe' | 'dns' } {
  const id = parseSpiffeId(name)
  return id === null
    ? Object.freeze({ kind: 'dns', authority: '', value: name.toLowerCase() })
    : Object.freeze({ kind: 'spiffe', authority: id.trustDomain, value: id.text })
}
