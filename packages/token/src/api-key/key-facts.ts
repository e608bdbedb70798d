import type { Facts } from '@countersign/core'

/** What tells an operator which API key it was, for the log alone. An owner is no longer than a SPIFFE ID, see `readKeyRecord`. */
export function keyFacts(apiKeyId: string, owner: string): Facts {
  return { apiKeyId, owner }
}
