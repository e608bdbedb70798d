import type { Inbound } from '@countersign/core'

/** One request, as it was on the wire, and the whole of its body. */
export interface OAuthExchange {
  readonly inbound: Inbound
  /** As it came: nobody may have parsed it. Empty for a request without one. */
  readonly body: Uint8Array
}
