import type { Identity, Inbound, Principal, Token } from '@countersign/core'

export const ANONYMOUS: Principal = Object.freeze({
  id: 'anonymous',
  anonymous: true,
  caller: null,
  subject: null,
  evidence: [],
  peer: null,
  token: null,
  apiKey: null,
  session: null,
  assurance: { provenance: null, tokenBound: false, resumed: false },
  expiresAtMs: Number.POSITIVE_INFINITY,
})

export function principalOf(caller: Identity, token: Token | null = null): Principal {
  const subject = token === null || token.identity === caller ? null : token.identity
  return { ...ANONYMOUS, id: caller.value, anonymous: false, caller, subject, token, evidence: token === null ? ['mtls'] : ['mtls', 'jwt'] }
}

export function spiffe(value: string): Principal {
  return principalOf(spiffeIdentity(value))
}

export function spiffeIdentity(value: string): Identity {
  return { kind: 'spiffe', authority: value.split('/')[2] ?? '', value }
}

export function named(kind: 'dns' | 'uri' | 'email' | 'cn', value: string): Principal {
  return principalOf({ kind, authority: '', value })
}

export function tokenOf(
  issuer: string,
  subject: string,
  claims: Readonly<Record<string, unknown>> = {},
  scopes: readonly string[] = [],
): Token {
  return {
    issuer,
    subject,
    identity: { kind: 'subject', authority: issuer, value: subject },
    audience: ['billing'],
    scopes: new Set(scopes),
    claims: { iss: issuer, sub: subject, ...claims },
    boundTo: null,
    boundToKey: null,
    id: null,
    issuedAtMs: null,
    expiresAtMs: Number.POSITIVE_INFINITY,
  }
}

export function inboundOf(method: string, target = '/'): Inbound {
  return {
    protocol: 'http/1.1',
    method,
    target,
    authority: 'billing.example',
    bodyRead: false,
    rawHeaders: [],
    clientAddress: '127.0.0.1',
    header: () => null,
    connection: {
      transport: 'tls',
      remoteAddress: '192.0.2.1',
      proxyAddress: null,
      serverName: null,
      resumed: false,
      certificateRequested: true,
      socketAccess: () => null,
      presented: () => ({ kind: 'none' }),
    },
  }
}
