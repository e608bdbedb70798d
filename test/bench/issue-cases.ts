import { constants, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import { accessTokenClaims, createKeyRing, createTokenSigner } from '@countersign/issuer'
import { createSigner } from 'fast-jwt'
import { SignJWT } from 'jose'
import { ISSUER_NAME } from './issue-names.js'
import { AUDIENCE, CALLER, ISSUER } from './names.js'

export const ISSUED_ALGORITHMS = ['RS256', 'PS256', 'ES256', 'EdDSA'] as const
export type IssuedAlgorithm = (typeof ISSUED_ALGORITHMS)[number]

/** One way to make a token, bound to a certificate and with scopes. */
export interface IssueCase {
  readonly name: string
  make(): unknown
}

const LIFETIME_SECONDS = 3600
const SCOPE = 'invoices:read invoices:write'
const THUMBPRINT = randomBytes(32).toString('base64url')
const BARE = {
  RS256: ['sha256', {}],
  PS256: ['sha256', { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }],
  ES256: ['sha256', { dsaEncoding: 'ieee-p1363' }],
  EdDSA: [null, {}],
} as const

/** Everybody makes the same token with the same key. */
export function issueCases(algorithm: IssuedAlgorithm): readonly IssueCase[] {
  const key = keyOf(algorithm)
  const ring = createKeyRing({ algorithm, keys: key })
  const signer = createTokenSigner({ issuer: ISSUER, algorithm, key })
  const fast = createSigner({
    algorithm,
    key: key.export({ format: 'pem', type: 'pkcs8' }).toString(),
    kid: ring.kid,
    header: { alg: algorithm, typ: 'at+jwt' },
  })
  const [hash, parameters] = BARE[algorithm]
  const bytes = Buffer.from(signer.sign(request).split('.').slice(0, 2).join('.'))
  return [
    { name: ISSUER_NAME.bare, make: () => sign(hash, bytes, { key, ...parameters }) },
    {
      name: ISSUER_NAME.background,
      make: () => new Promise((resolve) => sign(hash, bytes, { key, ...parameters }, (_, signature) => resolve(signature))),
    },
    { name: ISSUER_NAME.ring, make: () => ring.sign('at+jwt', ownClaims()) },
    { name: ISSUER_NAME.signer, make: () => signer.sign(request) },
    {
      name: ISSUER_NAME.jose,
      make: () =>
        new SignJWT(peerClaims())
          .setProtectedHeader({ alg: algorithm, typ: 'at+jwt', kid: ring.kid })
          .setIssuedAt()
          .setNotBefore('0s')
          .setExpirationTime(`${LIFETIME_SECONDS}s`)
          .sign(key),
    },
    { name: ISSUER_NAME.fast, make: () => fast({ ...peerClaims(), ...times() }) },
  ]
}

const request = { subject: CALLER, audience: AUDIENCE, scope: SCOPE, boundTo: { thumbprint: THUMBPRINT } }

function ownClaims(): ReturnType<typeof accessTokenClaims> {
  const lifetime = { expiresInSeconds: LIFETIME_SECONDS, maxExpiresInSeconds: LIFETIME_SECONDS }
  return accessTokenClaims({ ...request, ...lifetime, issuer: ISSUER, nowMs: Date.now(), randomBytes })
}

function peerClaims(): Record<string, unknown> {
  const jti = randomBytes(16).toString('base64url')
  return { iss: ISSUER, sub: CALLER, aud: AUDIENCE, client_id: CALLER, scope: SCOPE, cnf: { 'x5t#S256': THUMBPRINT }, jti }
}

function times(): Record<string, number> {
  const iat = Math.floor(Date.now() / 1000)
  return { iat, nbf: iat, exp: iat + LIFETIME_SECONDS }
}

function keyOf(algorithm: IssuedAlgorithm): KeyObject {
  if (algorithm === 'ES256') return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
  if (algorithm === 'EdDSA') return generateKeyPairSync('ed25519').privateKey
  return generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
}
