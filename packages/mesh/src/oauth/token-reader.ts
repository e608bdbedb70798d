import { type Connection, type Inbound, type Refusal, refuse, type Token } from '@countersign/core'
import { createTokenVerifier, type JwtOptions } from '@countersign/token'
import type { MeshCore } from '../mesh-core.js'

/** Reads tokens that are presented in a parameter. */
export interface TokenReader {
  /** A token of this mesh. Who may use it is the caller's to judge: nothing is said of what it is bound to. Never rejects. */
  readOwn(token: string): Promise<Token | Refusal>
  /** A token of this mesh, or of an issuer that the options name. Never rejects. */
  read(token: string): Promise<Token | Refusal>
  close(): Promise<void>
}

const MISSING = Object.freeze(refuse('ERR_TOKEN_MISSING'))

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
    binding: 'if-bound',
    requiredClaims: ['client_id', 'iat'],
    revocation: { list: core.revocations },
    clockSkewSeconds: Math.min(60, Math.floor(core.skewMs / 1000)),
  }
  const verifier = createTokenVerifier(own, core.surroundings)
  const anyVerifier = others.length === 0 ? verifier : createTokenVerifier([own, ...others], core.surroundings)

  async function verifyBy(by: typeof verifier, token: string): Promise<Token | Refusal> {
    const inbound = presentedAs(token)
    const recalled = by.recall(inbound)
    const found = recalled === undefined ? await by.verify(inbound) : recalled
    return found ?? MISSING
  }

  return {
    readOwn: (token) => verifyBy(verifier, token),
    read: (token) => verifyBy(anyVerifier, token),
    async close() {
      await Promise.all([verifier.close(), ...(anyVerifier === verifier ? [] : [anyVerifier.close()])])
    },
  }
}

/** A request that brings the token as a bearer token would be: that is what verifiers read. */
function presentedAs(token: string): Inbound {
  const connection: Connection = {
    transport: 'tcp',
    remoteAddress: null,
    proxyAddress: null,
    serverName: null,
    resumed: false,
    certificateRequested: false,
    socketAccess: () => null,
    presented: () => ({ kind: 'none' }),
  }
  const field = `Bearer ${token}`
  return {
    protocol: 'http/1.1',
    method: 'POST',
    target: '/',
    authority: null,
    connection,
    rawHeaders: ['authorization', field],
    clientAddress: null,
    bodyRead: false,
    header: (name) => (name === 'authorization' ? field : null),
  }
}
