import type { Code, Refusal, Token } from '@countersign/core'
import { createTokenVerifier, type JwtOptions } from '@countersign/token'
import type { MeshCore } from '../mesh-core.js'
import { readToken } from '../read-token.js'

/** Reads tokens that are presented in a parameter. */
export interface TokenReader {
  /** A token of this mesh. Who may use it is the caller's to judge: nothing is said of what it is bound to. Never rejects. */
  readOwn(token: string): Promise<Token | Refusal>
  /** A token of this mesh, or of an issuer that the options name. Never rejects. */
  read(token: string): Promise<Token | Refusal>
  close(): Promise<void>
}

/** @param others issuers of subject tokens beside this mesh. */
export function createTokenReader(core: MeshCore, others: readonly JwtOptions[]): TokenReader {
  const own: JwtOptions = {
    issuer: core.issuer,
    // Any: whoever presents it is judged by what the token says of him.
    audience: null,
    keys: core.directory,
    algorithms: [core.keys.algorithm],
    type: 'at+jwt',
    subjects: 'any',
    binding: 'dangerously-unchecked',
    requiredClaims: ['client_id', 'iat'],
    revocation: { list: core.revocations },
    clockSkewSeconds: Math.min(60, Math.floor(core.skewMs / 1000)),
  }
  const verifier = createTokenVerifier(own, core.surroundings)
  const anyVerifier = others.length === 0 ? verifier : createTokenVerifier([own, ...others.map(unchecked)], core.surroundings)

  return {
    readOwn: (token) => readToken(verifier, token),
    read: (token) => readToken(anyVerifier, token),
    async close() {
      await Promise.all([verifier.close(), ...(anyVerifier === verifier ? [] : [anyVerifier.close()])])
    },
  }
}

/** Is this code of a fault of ours, so that it is not known what the token is? */
export function isUnjudged(code: Code): boolean {
  return code === 'ERR_TOKEN_REVOCATION_UNKNOWN' || code === 'ERR_KEYS_UNAVAILABLE' || code === 'ERR_GUARD_FAULT'
}

/** Whoever it was sent to holds nothing that it is bound to. */
function unchecked(issuer: JwtOptions): JwtOptions {
  return { ...issuer, binding: 'dangerously-unchecked', dpop: null }
}
