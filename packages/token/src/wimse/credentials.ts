import { type Inbound, REPEATED, type Refusal, refuse } from '@countersign/core'

/** The request field of a Workload Identity Token (draft-ietf-wimse-workload-creds-02 §5.1.1), lowercase. */
export const WIT_FIELD = 'workload-identity-token'

const SCHEME = /^wpt(?: |$)/i

const MISSING = Object.freeze(refuse('ERR_TOKEN_MISSING'))
const TOO_MANY = Object.freeze(refuse('ERR_TOKEN_REPEATED'))
// A Workload Identity Token is public: alone it says nothing about who sends it. Nor does a bearer token beside it count.
const UNPROVEN = Object.freeze(refuse('ERR_PROOF_MISSING'))

/** The token as it stands in the request. */
export function witOf(inbound: Inbound): string | null | typeof REPEATED {
  return inbound.header(WIT_FIELD)
}

/**
 * Looks at both halves of a WIMSE credential: the token in its own field, and its proof in `Authorization`.
 * @returns the token; `null`: neither half is there.
 */
export function readWit(inbound: Inbound, authorization: string | null | typeof REPEATED, maxBytes: number): string | Refusal | null {
  const wit = witOf(inbound)
  const hasProof = typeof authorization === 'string' && SCHEME.test(authorization)
  if (wit === null) return hasProof ? MISSING : null
  if (wit === REPEATED || authorization === REPEATED) return TOO_MANY
  if (!hasProof) return UNPROVEN
  return wit.length > maxBytes ? refuse('ERR_TOKEN_TOO_LARGE', { bytes: wit.length, maxBytes }) : wit
}
