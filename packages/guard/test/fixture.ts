import type {
  ApiKey,
  ApiKeyVerifier,
  Code,
  Connection,
  Finding,
  Inbound,
  Peer,
  PeerVerifier,
  Token,
  TokenVerifier,
} from '@countersign/core'
import { refuse } from '@countersign/core'
import { fakeConnection, fakeInbound } from '@countersign/testing'

/** A request as an adapter would hand it over, with sound defaults. */
export function inbound(changes: Partial<Omit<Inbound, 'connection'>> & { readonly connection?: Partial<Connection> } = {}): Inbound {
  const { connection, ...rest } = changes
  return fakeInbound({
    authority: 'localhost:8443',
    clientAddress: connection?.remoteAddress === undefined ? '192.0.2.1' : connection.remoteAddress,
    ...rest,
    connection: fakeConnection({ remoteAddress: '192.0.2.1', ...connection }),
  })
}

const at = new Date(0)

/** A peer that some verifier has proven. */
export function peer(id = 'spiffe://test.example/orders', thumbprint = 'thumbprint-of-orders'): Peer {
  return {
    id,
    identity: { kind: 'spiffe', authority: 'test.example', value: id },
    spiffeId: id,
    provenance: 'connection',
    expiresAtMs: Number.POSITIVE_INFINITY,
    certificate: {
      subject: '',
      issuer: '',
      serialNumber: '1',
      sans: { dns: [], uri: [id], ip: [], email: [] },
      spiffeId: id,
      fingerprint256: '00',
      spkiSha256: '',
      'x5t#S256': thumbprint,
      validFrom: at,
      validTo: at,
      key: { type: 'ec', bits: 256, curve: 'P-256' },
      signatureAlgorithm: '',
      extendedKeyUsage: null,
      keyUsage: null,
      isCa: false,
      pathLength: null,
      subjectKeyId: null,
      authorityKeyId: null,
      policies: [],
      der: new Uint8Array(),
      daysLeft: () => 1,
    },
  }
}

export function token(changes: Partial<Token> = {}): Token {
  const issuer = 'https://issuer.test'
  return {
    issuer,
    subject: 'alice',
    identity: { kind: 'subject', authority: issuer, value: 'alice' },
    audience: ['test'],
    scopes: new Set(),
    claims: {},
    boundTo: null,
    boundToKey: null,
    id: null,
    issuedAtMs: null,
    expiresAtMs: Number.POSITIVE_INFINITY,
    ...changes,
  }
}

export function apiKey(changes: Partial<ApiKey> = {}): ApiKey {
  const value = 'spiffe://test.example/orders'
  return {
    id: 'id-of-the-key',
    owner: { kind: 'spiffe', authority: 'test.example', value },
    scopes: new Set(),
    expiresAtMs: Number.POSITIVE_INFINITY,
    ...changes,
  }
}

interface Answers<Verified> {
  readonly recall?: Finding<Verified> | undefined
  readonly verify?: () => Promise<Finding<Verified>>
  readonly judge?: () => Code | null
}

/** A verifier of the user's own, as the `mtls` slot takes one. */
export function peerVerifier(answers: Answers<Peer>): PeerVerifier {
  return {
    kind: 'mtls',
    trustAnchors: () => [],
    ...lifecycle(answers),
    recall: () => answers.recall,
    verify: answers.verify ?? (async () => null),
    toString: () => 'test peers',
  }
}

export function tokenVerifier(answers: Answers<Token> & { readonly bind?: () => Code | null }): TokenVerifier {
  return {
    kind: 'jwt',
    bind: () => refusalOf(answers.bind),
    ...lifecycle(answers),
    recall: () => answers.recall,
    verify: answers.verify ?? (async () => null),
    toString: () => 'test tokens',
  }
}

export function keyVerifier(
  answers: Answers<ApiKey> & { readonly bind?: () => Code | null; readonly takesAuthorization?: boolean },
): ApiKeyVerifier {
  return {
    kind: 'api-key',
    bind: () => refusalOf(answers.bind),
    takesAuthorization: () => answers.takesAuthorization ?? false,
    ...lifecycle(answers),
    recall: () => answers.recall,
    verify: answers.verify ?? (async () => null),
    toString: () => 'test keys',
  }
}

function lifecycle(answers: { readonly judge?: () => Code | null }) {
  return { judge: () => refusalOf(answers.judge), ready: async () => {}, close: async () => {} }
}

function refusalOf(answer: (() => Code | null) | undefined) {
  const code = answer?.() ?? null
  return code === null ? null : refuse(code)
}
