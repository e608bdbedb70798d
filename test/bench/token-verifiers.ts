import { createPublicKey, type KeyObject, verify } from 'node:crypto'
import type { Inbound, Surroundings, TokenVerifier } from '@countersign/core'
import { isRefusal } from '@countersign/core'
import { createTokenSigner } from '@countersign/issuer'
import { createTokenVerifier } from '@countersign/token'
import { createVerifier } from 'fast-jwt'
import { jwtVerify } from 'jose'
import { AUDIENCE, CALLER, ISSUER } from './names.js'
import { VERIFIER } from './token-names.js'

export const TOKEN_ALGORITHMS = ['RS256', 'PS256', 'ES256', 'EdDSA'] as const
export type TokenAlgorithm = (typeof TOKEN_ALGORITHMS)[number]

/** One way to verify a token that was not seen before: what is made ready, and what is timed. */
export interface TokenCase {
  readonly name: string
  prepare(tokens: readonly string[]): () => void | Promise<void>
}

export interface TokenIssuer {
  readonly algorithm: TokenAlgorithm
  readonly key: KeyObject
  /** Another one with every call, as services get them: bound, with scopes, 500 to 800 bytes. */
  mint(): string
  openVerifier(): TokenVerifier
}

const BARE = {
  RS256: ['sha256', {}],
  PS256: ['sha256', { padding: 6, saltLength: 32 }],
  ES256: ['sha256', { dsaEncoding: 'ieee-p1363' }],
  EdDSA: [null, {}],
} as const

const instrument = { add() {}, record() {} }
const surroundings: Surroundings = {
  clock: { nowMs: () => Date.now() },
  fetch: () => Promise.reject(new Error('no network')),
  recorder: { wants: () => false, record: () => true, close: () => Promise.resolve() },
  meter: { createCounter: () => instrument, createHistogram: () => instrument, createGauge: () => instrument },
}

export function createTokenIssuer(algorithm: TokenAlgorithm): TokenIssuer {
  const signer = createTokenSigner({ issuer: ISSUER, algorithm })
  const [jwk] = signer.jwks().keys
  const bound = { certificateDer: new Uint8Array(32) }
  return {
    algorithm,
    key: createPublicKey({ key: { ...jwk }, format: 'jwk' }),
    mint: () => signer.sign({ subject: CALLER, audience: AUDIENCE, scope: 'invoices:read invoices:write', boundTo: bound }),
    openVerifier: () =>
      createTokenVerifier(
        {
          issuer: ISSUER,
          audience: AUDIENCE,
          keys: { jwks: signer.jwks().keys },
          algorithms: [algorithm],
          subjects: [CALLER],
        },
        surroundings,
      ),
  }
}

/** The same tokens for each: signature, issuer, audience, type and times are checked by all but the bare one. */
export function tokenCases({ algorithm, key, openVerifier }: TokenIssuer): readonly TokenCase[] {
  const verifier = openVerifier()
  const [hash, scheme] = BARE[algorithm]
  const jose = { issuer: ISSUER, audience: AUDIENCE, algorithms: [algorithm], typ: 'at+jwt', clockTolerance: 30 }
  const fast = createVerifier({
    key: key.export({ format: 'pem', type: 'spki' }),
    algorithms: [algorithm],
    allowedIss: ISSUER,
    allowedAud: AUDIENCE,
    clockTolerance: 30_000,
  })
  return [
    {
      name: VERIFIER.bare,
      prepare(tokens) {
        const how = { key, ...scheme }
        const parts = tokens.map((token) => {
          const cut = token.lastIndexOf('.')
          return [Buffer.from(token.slice(0, cut)), Buffer.from(token.slice(cut + 1), 'base64url')] as const
        })
        return () => {
          for (const [input, signature] of parts) if (!verify(hash, input, how, signature)) throw new Error('not verified')
        }
      },
    },
    {
      name: VERIFIER.own,
      prepare(tokens) {
        const requests = tokens.map((token) => inboundWith(fresh(`Bearer ${token}`)))
        return async () => {
          for (const request of requests) {
            const token = verifier.recall(request) ?? (await verifier.verify(request))
            if (token === null || isRefusal(token)) throw new Error(`not verified: ${token?.code}`)
          }
        }
      },
    },
    {
      name: VERIFIER.jose,
      prepare(tokens) {
        const texts = tokens.map(fresh)
        return async () => {
          for (const text of texts) await jwtVerify(text, key, jose)
        }
      },
    },
    {
      name: VERIFIER.fast,
      prepare(tokens) {
        const texts = tokens.map(fresh)
        return () => {
          for (const text of texts) fast(text)
        }
      },
    },
  ]
}

/** A text of its own, flat and never hashed, as a parser makes it. */
export function fresh(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1')
}

/** What of a request a token verifier looks at. */
export function inboundWith(authorization: string, connection = createConnection()): Inbound {
  return {
    protocol: 'http/1.1',
    method: 'GET',
    target: '/',
    authority: null,
    rawHeaders: [],
    clientAddress: null,
    bodyRead: false,
    connection,
    header: (name) => (name === 'authorization' ? authorization : null),
  }
}

export function createConnection(): Inbound['connection'] {
  return {
    transport: 'tls',
    remoteAddress: null,
    proxyAddress: null,
    serverName: null,
    resumed: false,
    certificateRequested: true,
    socketAccess: () => null,
    presented: () => ({ kind: 'none' }),
  }
}
