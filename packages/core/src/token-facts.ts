import type { Facts } from './refusal.js'
import type { Token } from './token.js'

/** SPIFFE ID §2.3: no longer than that. Other names have no reason to be. */
const MAX_SUBJECT = 2048
/** A UUID has 36. */
const MAX_TOKEN_ID = 128

/**
 * What tells an operator which token it was, for the log alone: `subject`, `issuer`, and `tokenId` where it has a `jti` of a sensible length.
 * @param token a verified one: until then all three are a caller's words.
 */
export function tokenFacts({ subject, issuer, claims }: Pick<Token, 'subject' | 'issuer' | 'claims'>): Facts {
  const tokenId = claims['jti']
  return {
    subject: subject.slice(0, MAX_SUBJECT),
    issuer,
    ...(typeof tokenId === 'string' && tokenId.length <= MAX_TOKEN_ID ? { tokenId } : {}),
  }
}
