import { fieldSpelling, type Inbound, type Peer, type PeerVerifier, SESSION_FIELD, type SessionVerifier } from '@countersign/core'
import { FORWARDED_FIELDS } from '@countersign/x509'
import { createStrayFieldFinder } from './stray-fields.js'
import type { Witness } from './witness.js'

/** Fields of a request that only some may send, and that this sender may not. */
export interface IgnoredFieldFinder {
  /**
   * Their names, as they came.
   * @param told they are written down, as far as it is known who sent them.
   * @param takesSession a session that this request hands on is accepted, or the request is refused.
   */
  find(inbound: Inbound, told: boolean, peer: Peer | null, takesSession: boolean): readonly string[]
}

/** Makes the finder of fields that say who the client is, or hand a session on, and count for nothing here. */
export function createIgnoredFieldFinder(
  peers: PeerVerifier | null,
  sessions: SessionVerifier | null,
  witness: Pick<Witness, 'ignored'>,
): IgnoredFieldFinder {
  const sessionFields = [SESSION_FIELD, ...(sessions?.fields ?? [])]
  const sessionSpellings = new Set(sessionFields.map(fieldSpelling))
  const strayFieldsOf = createStrayFieldFinder([...FORWARDED_FIELDS, ...(peers?.forwardedFields ?? []), ...sessionFields])
  const isSessionField = (name: string): boolean => sessionSpellings.has(fieldSpelling(name.toLowerCase()))

  // Fields that say who the client is count from the proxy that may write them, and are nobody else's to send.
  function ofProxies(inbound: Inbound, told: boolean, peer: Peer | null, found: readonly string[]): readonly string[] {
    // Left out: no proxy is trusted. `undefined`: nobody has looked yet who this is.
    const written = peers?.proxyFields === undefined ? null : peers.proxyFields(inbound)
    const stray = written ? found.filter((name) => !written.includes(name.toLowerCase())) : found
    if (!told || stray.length === 0 || written === undefined) return stray
    const configured = stray.some((name) => peers?.forwardedFields?.includes(name.toLowerCase()))
    witness.ignored(inbound, { names: stray, reason: written === null ? 'not-from-proxy' : 'not-this-format', peer, configured })
    return stray
  }

  // A session counts in the one spelling that it is looked for in, from a caller who is known. Another would reach handlers unjudged.
  function ofSessions(inbound: Inbound, told: boolean, peer: Peer | null, found: readonly string[], takes: boolean): readonly string[] {
    const stray = takes ? found.filter((name) => sessions?.fields.includes(name.toLowerCase()) !== true) : found
    if (told && stray.length > 0) witness.ignored(inbound, { names: stray, reason: 'no-session-here', peer, configured: false })
    return stray
  }

  return {
    find(inbound, told, peer, takesSession) {
      const found = strayFieldsOf(inbound)
      if (found.length === 0) return found
      const handingOn = found.filter(isSessionField)
      if (handingOn.length === 0) return ofProxies(inbound, told, peer, found)
      const others = found.filter((name) => !isSessionField(name))
      return [
        ...(others.length === 0 ? others : ofProxies(inbound, told, peer, others)),
        ...ofSessions(inbound, told, peer, handingOn, takesSession),
      ]
    },
  }
}
