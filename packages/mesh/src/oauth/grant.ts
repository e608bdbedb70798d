import type { CertificateMetadata } from '@countersign/core'
import type { IssueToken } from '../issue/issue-token.js'
import type { MintedToken, SenderBinding } from '../issue/token-mint.js'
import type { MeshContext } from '../mesh-context.js'
import type { Form } from './form.js'
import type { RefreshFamilies } from './refresh-families.js'
import type { RegisteredClient } from './registered-client.js'
import type { Rejection } from './rejection.js'
import type { TokenReader } from './token-reader.js'

/** A request for a token, of a client that has proven who it is. */
export interface GrantRequest {
  readonly client: RegisteredClient
  readonly form: Form
  readonly certificate: CertificateMetadata | null
  /** What the token shall be bound to. */
  readonly boundTo: SenderBinding
}

/** What grants are made with. */
export interface GrantParts {
  readonly context: MeshContext
  readonly issue: IssueToken
  readonly reader: TokenReader
  readonly families: RefreshFamilies
}

/** A token that was granted, and committed: the members of the answer (RFC 6749 §5.1, RFC 8693 §2.2.1). */
export interface Granted {
  readonly token: MintedToken
  readonly audience: readonly string[]
  readonly scopes: readonly string[]
  readonly refreshToken: string | null
  /** `null` where the answer has no `issued_token_type`. */
  readonly issuedTokenType: string | null
}

export type Grant = (request: GrantRequest) => Promise<Granted | Rejection>
