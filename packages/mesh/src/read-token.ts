import { type Connection, type Inbound, type Refusal, refuse, type Token, type TokenVerifier } from '@countersign/core'

const MISSING = Object.freeze(refuse('ERR_TOKEN_MISSING'))

/** Verifies a token that came as text, by the verifier that reads requests: there is no second one. Never rejects. */
export async function readToken(verifier: TokenVerifier, token: string): Promise<Token | Refusal> {
  const inbound = presentedAs(token)
  const recalled = verifier.recall(inbound)
  return (recalled === undefined ? await verifier.verify(inbound) : recalled) ?? MISSING
}

/** A request that brings the token as a bearer token would be. */
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
