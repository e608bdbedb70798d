import assert from 'node:assert/strict'
import type { Token, TokenVerifier } from '@countersign/core'
import {
  type Code,
  type Inbound,
  isRefusal,
  type Peer,
  type REPEATED,
  type Refusal,
  type SecurityEvent,
  type Surroundings,
} from '@countersign/core'
import { createTokenVerifier, type JwtOptions } from '@countersign/token'
import { createSigner, type Signer } from './signer.js'

export const ISSUER = 'https://issuer.example'
export const AUDIENCE = 'billing'
/** When every test begins, in seconds. */
export const NOW = 1_800_000_000
export const THUMBPRINT = 'A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0'

export interface TestSurroundings extends Surroundings {
  readonly events: SecurityEvent[]
  /** How often a status was counted. */
  readonly counts: Map<string, number>
  setSeconds(seconds: number): void
  advanceSeconds(seconds: number): void
}

export function createSurroundings(fetch: typeof globalThis.fetch = () => Promise.reject(new Error('no network'))): TestSurroundings {
  let nowMs = NOW * 1000
  const events: SecurityEvent[] = []
  const counts = new Map<string, number>()
  const instrument = { add: () => {}, record: () => {} }
  return {
    events,
    counts,
    setSeconds(seconds) {
      nowMs = seconds * 1000
    },
    advanceSeconds(seconds) {
      nowMs += seconds * 1000
    },
    clock: { nowMs: () => nowMs },
    fetch,
    recorder: {
      wants: () => true,
      record(event) {
        events.push(event)
        return true
      },
      close: () => Promise.resolve(),
    },
    meter: {
      createCounter: () => ({
        add(value, labels) {
          const status = labels?.['status'] ?? ''
          counts.set(status, (counts.get(status) ?? 0) + value)
        },
      }),
      createHistogram: () => instrument,
      createGauge: () => instrument,
    },
  }
}

/** A request with this `Authorization` field, on a connection of its own unless one is given. */
export function inboundWith(authorization: string | null | typeof REPEATED, connection = createConnection()): Inbound {
  return {
    protocol: 'http/1.1',
    method: 'GET',
    target: '/',
    authority: 'billing.example',
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
    remoteAddress: '127.0.0.1',
    proxyAddress: null,
    serverName: null,
    resumed: false,
    certificateRequested: true,
    socketAccess: () => null,
    presented: () => ({ kind: 'none' }),
  }
}

export function bearer(token: string, connection?: Inbound['connection']): Inbound {
  return inboundWith(`Bearer ${token}`, connection)
}

/** Claims that every issuer of these tests accepts. */
export function claims(more: Record<string, unknown> = {}): Record<string, unknown> {
  return { iss: ISSUER, aud: AUDIENCE, sub: 'alice', iat: NOW, exp: NOW + 300, jti: 'j-1', ...more }
}

/** Options whose one issuer has the keys of these signers. */
export function optionsFor(signers: readonly Signer[], more: Partial<JwtOptions> = {}): JwtOptions {
  return {
    issuer: ISSUER,
    audience: AUDIENCE,
    keys: { jwks: signers.map(({ jwk }) => jwk) },
    binding: 'if-bound',
    ...more,
  }
}

export interface Bench {
  readonly signer: Signer
  readonly surroundings: TestSurroundings
  readonly verifier: TokenVerifier
}

/** One signer, a verifier that trusts it, and the world around them. */
export function createBench(more: Partial<JwtOptions> = {}, algorithm = 'ES256'): Bench {
  const signer = createSigner(algorithm)
  const surroundings = createSurroundings()
  return { signer, surroundings, verifier: createTokenVerifier(optionsFor([signer], more), surroundings) }
}

/** What the verifier says, as the guard asks it: `recall`, and only where that does not know, `verify`. */
export async function judge(verifier: TokenVerifier, inbound: Inbound): Promise<Token | Refusal | null> {
  const recalled = verifier.recall(inbound)
  return recalled === undefined ? verifier.verify(inbound) : recalled
}

/** The code of the refusal; `ok` for a token. */
export async function statusOf(verifier: TokenVerifier, token: string): Promise<Code | 'ok' | 'none'> {
  return settledStatus(verifier, bearer(token))
}

/** As `statusOf`, for a whole request. */
export async function settledStatus(verifier: TokenVerifier, inbound: Inbound): Promise<Code | 'ok' | 'none'> {
  const found = await judge(verifier, inbound)
  return found === null ? 'none' : isRefusal(found) ? found.code : 'ok'
}

/** What is known at once, without a promise: `open` for a token that was not seen before. */
export function recalledStatus(verifier: TokenVerifier, inbound: Inbound): Code | 'ok' | 'none' | 'open' {
  const found = verifier.recall(inbound)
  return found === undefined ? 'open' : found === null ? 'none' : isRefusal(found) ? found.code : 'ok'
}

export async function verified(verifier: TokenVerifier, inbound: Inbound): Promise<Token> {
  const found = await judge(verifier, inbound)
  assert(found !== null && !isRefusal(found), `not verified: ${found === null ? 'none' : JSON.stringify(found)}`)
  return found
}

/** A peer of which only the thumbprint of its certificate counts here. */
export function peerWith(thumbprint: string): Peer {
  return { certificate: { 'x5t#S256': thumbprint } } as Peer
}
