import {
  type ApiKey,
  type Finding,
  type Inbound,
  isRefusal,
  type Peer,
  type Refusal,
  refuse,
  type Token,
  type Verifier,
} from '@countersign/core'
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

/** The token of a request where nothing must be waited for. */
export type TokenRecall = (inbound: Inbound) => Finding<Token> | undefined

const SILENT = Object.freeze(refuse('ERR_GUARD_FAULT', Object.freeze({ part: 'verifier' })))

/**
 * Verifies evidence that was not seen before, one kind after the other: bad evidence is final, so nothing is verified after it. What was
 * found before something else was waited for is judged again: that may take seconds, and all of it must be true at the end.
 * @param recalledPeer what `recall` said; `undefined`: it must be verified, and the token is looked at after it.
 * @param recalledToken what `recall` said beside a peer; `undefined`: it must be verified.
 */
export async function verifyEvidence<T>(
  { peers, tokens, apiKeys }: Verifiers,
  enter: Entrance,
  recallToken: TokenRecall,
  inbound: Inbound,
  recalledPeer: Finding<Peer> | undefined,
  recalledToken: Finding<Token> | undefined,
  { found, refused }: Outcome<T>,
): Promise<T> {
  const left: (() => void)[] = []
  try {
    let peer = recalledPeer
    let token = recalledToken
    let isLate = false
    if (peer === undefined && peers !== null) {
      const entry = await enter(inbound, null)
      if (isRefusal(entry)) return refused(entry, null)
      left.push(entry)
      peer = await peers.verify(inbound)
      if (!isRefusal(peer)) {
        // Proven: what its token may have to wait for must not hold up strangers of the same address.
        left.pop()?.()
        token = recallToken(inbound)
      }
    }
    if (isRefusal(peer)) return found(peer, null, null)
    if (token === undefined && tokens !== null) {
      const entry = await enter(inbound, peer ?? null)
      if (isRefusal(entry)) return refused(entry, peer ?? null)
      left.push(entry)
      token = await tokens.verify(inbound, peer ?? null)
      isLate = true
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
      token = judgeAgain(tokens, token, inbound)
      isLate = true
    }
    if (apiKey === undefined) return refused(SILENT, null)
    return found(isLate ? judgeAgain(peers, peer, inbound) : peer, token, apiKey)
  } finally {
    for (const leave of left) leave()
  }
}

function judgeAgain<Verified extends object>(
  verifier: Pick<Verifier<Verified>, 'judge'> | null,
  found: Finding<Verified>,
  inbound: Inbound,
): Finding<Verified> {
  return verifier === null || found === null || isRefusal(found) ? found : (verifier.judge(found, inbound) ?? found)
}
