import { randomBytes } from 'node:crypto'
import {
  createDevAuthority,
  createTokenSigner,
  type DevAuthority,
  type IssuedCertificate,
  type PublicJwk,
  type TokenSigner,
} from '@countersign/issuer'
import { AUDIENCE, CALLER, ISSUER, SERVER_NAME, TRUST_DOMAIN } from './names.js'

/** What a server needs, in a form that passes from process to process. */
export interface ServerCredentials {
  readonly keyPem: string
  readonly chainPem: string
  readonly caPem: string
  readonly jwks: readonly PublicJwk[]
}

/** What the caller needs. */
export interface CallerCredentials {
  readonly keyPem: string
  readonly chainPem: string
  readonly caPem: string
  /** RS256 with a key of 2048 bits, bound to the certificate. */
  readonly token: string
  /** The same, bound to nothing: for a guard that looks at no certificate. */
  readonly unboundToken: string
}

export interface Mesh {
  readonly authority: DevAuthority
  readonly signer: TokenSigner
  readonly server: ServerCredentials
  readonly caller: CallerCredentials
  readonly callerCertificate: IssuedCertificate
}

/** A CA, a server, a caller with an EC certificate, and its token. */
export function createMesh(): Mesh {
  const authority = createDevAuthority({ trustDomain: TRUST_DOMAIN, randomBytes })
  const signer = createTokenSigner({ issuer: ISSUER, algorithm: 'RS256' })
  const server = authority.issue({ spiffeId: `spiffe://${TRUST_DOMAIN}/billing`, dns: [SERVER_NAME] })
  const caller = authority.issue({ spiffeId: CALLER, dns: ['orders.bench.example'] })
  const caPem = authority.certificatePem
  return {
    authority,
    signer,
    callerCertificate: caller,
    server: { keyPem: server.keyPem, chainPem: server.chainPem, caPem, jwks: signer.jwks().keys },
    caller: {
      keyPem: caller.keyPem,
      chainPem: caller.chainPem,
      caPem,
      token: mintToken(signer, CALLER, caller),
      unboundToken: mintToken(signer, CALLER, null),
    },
  }
}

/** A token as callers have it, bound to their certificate or to none. Each has a `jti` of its own, so no two are the same. */
export function mintToken(signer: TokenSigner, subject: string, certificate: IssuedCertificate | null): string {
  const bound = certificate === null ? {} : { boundTo: certificate }
  return signer.sign({ subject, audience: AUDIENCE, scope: 'invoices:read', ...bound })
}
