import { type ApiKey, type Finding, type Inbound, isRefusal, type Peer, type Refusal, refuse, type Token } from '@countersign/core'
import type { Verifiers } from './pipeline-parts.js'

/** What comes of it. */
export interface Outcome<T> {
  /** Charges for bad evidence, before the room that it took is given back. */
  found(peer: Finding<Peer>, token: Finding<Token>, apiKey: Finding<ApiKey>): T
  /** There was no room, or no answer. @param caller who had been proven until then. */
  refused(refusal: Refusal, caller: Peer | null): T
}

/** Leave to verify, once there is room for another one; whoever gets it gives it back. */
export type Entrance = (inbound: Inbound, peer: Peer | null) => Refusal | (() => void) | Promise<Refusal | (() => void)>

const SILENT = Object.freeze(refuse('ERR_GUARD_FAULT', Object.freeze({ part: 'verifier' })))

/**
 * Verifies evidence that was not seen before, one kind after the other: bad evidence is final, so nothing is verified after it.
 * @param recalledPeer what `recall` said; `undefined`: it must be verified.
 */
export async function verifyEvidence<T>(
  { peers, tokens, apiKeys }: Verifiers,
  enter: Entrance,
  inbound: Inbound,
  recalledPeer: Finding<Peer> | undefined,
  recalledToken: Finding<Token> | undefined,
  { found, refused }: Outcome<T>,
): Promise<T> {
  const left: (() => void)[] = []
  try {
    let peer = recalledPeer
    if (peer === undefined && peers !== null) {
      const entry = await enter(inbound, null)
      if (isRefusal(entry)) return refused(entry, null)
      left.push(entry)
      peer = await peers.verify(inbound)
      // Proven: what its token may have to wait for must not hold up strangers of the same address.
      if (!isRefusal(peer)) left.pop()?.()
    }
    if (isRefusal(peer)) return found(peer, null, null)
    let token = recalledToken
    if (token === undefined && tokens !== null) {
      const entry = await enter(inbound, peer ?? null)
      if (isRefusal(entry)) return refused(entry, peer ?? null)
      left.push(entry)
      token = await tokens.verify(inbound)
    }
    // A verifier of the user's own that says nothing has proven nothing.
    if (peer === undefined || token === undefined) return refused(SILENT, null)
    let apiKey = apiKeys === null || isRefusal(token) ? null : apiKeys.recall(inbound, peer)
    if (apiKey === undefined && apiKeys !== null) {
      // The token's place will do: who waits for a second one while holding the first may wait for ever.
      const entry = left.length > 0 ? () => {} : await enter(inbound, peer)
      if (isRefusal(entry)) return refused(entry, peer)
      left.push(entry)
      apiKey = await apiKeys.verify(inbound, peer)
    }
    return apiKey === undefined ? refused(SILENT, null) : found(peer, token, apiKey)
  } finally {
    for (const leave of left) leave()
  }
}
