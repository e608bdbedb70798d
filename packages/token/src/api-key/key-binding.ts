import { type ApiKey, type Peer, type Refusal, refuse } from '@countersign/core'

const ANOTHER = Object.freeze(refuse('ERR_API_KEY_BINDING'))

/**
 * Is this key this peer's? Where a certificate proves who is calling, a key counts only if it belongs to that very name: a SPIFFE ID to
 * the same one, any other name of a certificate to an owner written like it.
 * @returns `null`: yes, or nobody else has proven who is calling.
 */
export function checkKeyBinding({ owner }: ApiKey, peer: Peer | null): Refusal | null {
  if (peer === null) return null
  const { kind, authority, value } = peer.identity
  const isSame = kind === 'spiffe' ? owner.kind === 'spiffe' && owner.authority === authority : owner.kind === 'subject'
  return isSame && owner.value === value ? null : ANOTHER
}
