import type { Inbound, TokenVerifier } from '@countersign/core'
import { createTokenVerifier, type JwtOptions, type WptOptions } from '@countersign/token'
import { hashOf, ORIGIN, publicJwk, request } from '../requests.js'
import { createSigner, type Signer } from '../signer.js'
import { createSurroundings, NOW, type TestSurroundings } from '../surroundings.js'

export const TRUST_DOMAIN = 'wimse://prod.example'

export interface WimseBench {
  readonly issuer: Signer
  /** The workload's. */
  readonly key: Signer
  /** A Workload Identity Token of the workload, `undefined` takes a claim away. */
  wit(claims?: Readonly<Record<string, unknown>>, header?: Readonly<Record<string, unknown>>): string
  readonly surroundings: TestSurroundings
  readonly verifier: TokenVerifier
}

export function createWimseBench(proof: Partial<WptOptions> = {}, more: Partial<JwtOptions> = {}, algorithm = 'ES256'): WimseBench {
  const issuer = createSigner('ES256')
  const key = createSigner(algorithm)
  const surroundings = createSurroundings()
  return {
    issuer,
    key,
    surroundings,
    wit: (claims = {}, header = {}) =>
      issuer.sign(
        {
          sub: `${TRUST_DOMAIN}/orders`,
          iat: NOW,
          exp: NOW + 3600,
          cnf: { jwk: { ...publicJwk(key), alg: algorithm } },
          ...claims,
        },
        { typ: 'wit+jwt', ...header },
      ),
    verifier: createTokenVerifier(
      {
        issuer: TRUST_DOMAIN,
        audience: null,
        type: 'wit+jwt',
        keys: { jwks: [issuer.jwk] },
        proof: { origins: ORIGIN, ...proof },
        ...more,
      },
      surroundings,
    ),
  }
}

let proofs = 0

/** A Workload Proof Token for a GET of `/invoices/7`; `undefined` takes a member away. */
export function wptOf(
  key: Signer,
  wit: string,
  claims: Readonly<Record<string, unknown>> = {},
  header: Readonly<Record<string, unknown>> = {},
): string {
  const all = { aud: `${ORIGIN}/invoices/7`, exp: NOW + 60, jti: `proof-${proofs++}`, wth: hashOf(wit), ...claims }
  return key.signText(JSON.stringify({ typ: 'wpt+jwt', alg: key.algorithm, ...header }), JSON.stringify(all))
}

export function wimseRequest(
  wit: string,
  wpt: string,
  fields: Readonly<Record<string, string | readonly string[]>> = {},
  line: Parameters<typeof request>[1] = {},
): Inbound {
  return request({ 'workload-identity-token': wit, authorization: `WPT ${wpt}`, ...fields }, line)
}
