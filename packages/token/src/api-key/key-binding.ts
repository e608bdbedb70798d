import { type ApiKey, type Peer, type Refusal, refuse, type Token } from '@countersign/core'
import { trustDomainOf } from '../wimse/workload-id.js'
import { keyFacts } from './key-facts.js'

const ANOTHER = Object.freeze(refuse('ERR_API_KEY_BINDING'))
const ANOTHER_BY_TOKEN = Object.freeze(
  refuse('ERR_API_KEY_BINDING', Object.freeze({ reason: 'the token beside it names another workload as its caller' })),
)

/**
 * Is this key this peer's? Where a certificate proves who is calling, a key counts only if it belongs to that very name: a SPIFFE ID to
 * the same one, any other name of a certificate to an owner written like it. Nor does it count beside the token of another workload: what
 * one caller may do must not be put together from what two of them have.
 * @param token may speak for somebody who is no workload, or whom the key's owner acts for.
 * @returns `null`: yes, or nobody else has proven who is calling.
 */
export function checkKeyBinding({ id, owner }: ApiKey, peer: Peer | null, token: Token | null = null): Refusal | null {
  const caller = token === null ? null : workloadOf(token)
  if (caller !== null && caller !== owner.value) return { ...ANOTHER_BY_TOKEN, evidence: keyFacts(id, owner.value) }
  if (peer === null) return null
  const { kind, authority, value } = peer.identity
  const isSame = kind === 'spiffe' ? owner.kind === 'spiffe' && owner.authority === authority : owner.kind === 'subject'
  return isSame && owner.value === value ? null : { ...ANOTHER, evidence: keyFacts(id, owner.value) }
}

/** The workload that a token is used by, as it says itself: whoever acts in it (RFC 8693 §4.1), or else its subject. `null`: it names none. */
function workloadOf({ subject, claims }: Token): string | null {
  const { act } = claims
  const actor: unknown = typeof act === 'object' && act !== null && 'sub' in act ? act.sub : undefined
  const name = typeof actor === 'string' ? actor : subject
  return trustDomainOf(name) === null ? null : name
}
