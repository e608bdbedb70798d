import { isRefusal, type Surroundings } from '@countersign/core'
import { fakeInbound } from '@countersign/testing'
import { createTokenVerifier } from '@countersign/token'
import { createLocalJWKSet, errors, type JSONWebKeySet, jwtVerify } from 'jose'
import { ALGORITHMS, AUDIENCE, ISSUER, MAX_BYTES, NOW, type Signer, SKEW_SECONDS } from './issuers.js'

/** What one of the two says: `null`, it is accepted; or why it is not. */
export type Verdict = string | null

export interface Judges {
  own(token: string): Promise<Verdict>
  jose(token: string): Promise<Verdict>
}

const instrument = { add() {}, record() {} }
const surroundings: Surroundings = {
  clock: { nowMs: () => NOW * 1000 },
  fetch: () => Promise.reject(new Error('no network')),
  recorder: { wants: () => false, record: () => true, close: () => Promise.resolve() },
  meter: { createCounter: () => instrument, createHistogram: () => instrument, createGauge: () => instrument },
}

/** The two, configured alike as far as they go: keys, algorithms, issuer, audience, type, times. */
export function createJudges(signers: readonly Signer[]): Judges {
  const jwks = signers.map(({ jwk }) => jwk)
  const verifier = createTokenVerifier(
    {
      issuer: ISSUER,
      audience: AUDIENCE,
      keys: { jwks },
      algorithms: ALGORITHMS as never,
      binding: 'if-bound',
      maxBytes: MAX_BYTES,
      clockSkewSeconds: SKEW_SECONDS,
    },
    surroundings,
  )
  const keys = createLocalJWKSet({ keys: jwks } as JSONWebKeySet)
  const options = {
    issuer: ISSUER,
    audience: AUDIENCE,
    algorithms: [...ALGORITHMS],
    typ: 'at+jwt',
    clockTolerance: SKEW_SECONDS,
    currentDate: new Date(NOW * 1000),
    requiredClaims: ['iss', 'sub', 'aud', 'exp'],
  }
  return {
    async own(token) {
      const inbound = fakeInbound({ header: (name) => (name === 'authorization' ? `Bearer ${token}` : null) })
      const found = verifier.recall(inbound) ?? (await verifier.verify(inbound))
      if (found === null) return 'not presented'
      return isRefusal(found) ? found.code : null
    },
    async jose(token) {
      try {
        await jwtVerify(token, keys, options)
        return null
      } catch (error) {
        return error instanceof errors.JOSEError ? error.code : error instanceof Error ? error.name : 'unknown'
      }
    },
  }
}
