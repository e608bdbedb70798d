import type { Admission, ApiKeyVerifier, Authorizer, Limiter, PeerVerifier, SessionVerifier, TokenVerifier } from '@countersign/core'
import type { DenialMaker } from './deny.js'
import type { IgnoredFieldFinder } from './ignored-fields.js'
import type { RouteTable } from './routes.js'
import type { PathReader } from './target.js'
import type { Witness } from './witness.js'

/** What looks at the evidence of a request. `null`: that kind is not looked at. */
export interface Verifiers {
  readonly peers: PeerVerifier | null
  readonly tokens: TokenVerifier | null
  readonly apiKeys: ApiKeyVerifier | null
  readonly sessions: SessionVerifier | null
}

/** What the composition root puts together. */
export interface PipelineParts extends Verifiers {
  readonly authorizer: Authorizer
  readonly limiter: Limiter | null
  readonly admission: Admission | null
  readonly pathOf: PathReader
  readonly needOf: RouteTable
  readonly asServerName: boolean
  readonly denialFrom: DenialMaker
  readonly ignoredFields: IgnoredFieldFinder
  readonly witness: Witness
}
