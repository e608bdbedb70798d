import { createHash, createPublicKey } from 'node:crypto'
import { type Inbound, REPEATED } from '@countersign/core'
import { encode, type Signer } from './signer.js'
import { createConnection, NOW } from './surroundings.js'

export const ORIGIN = 'https://billing.example'

/** A request with these fields, `[value, value]` for one that stands twice. */
export function request(
  fields: Readonly<Record<string, string | readonly string[]>>,
  { method = 'GET', target = '/invoices/7', authority = 'billing.example' } = {},
): Inbound {
  return {
    protocol: 'http/1.1',
    method,
    target,
    authority,
    rawHeaders: Object.entries(fields).flatMap(([name, value]) => [value].flat().flatMap((one) => [name, one])),
    clientAddress: null,
    bodyRead: false,
    connection: createConnection(),
    header(name) {
      const value = fields[name] ?? null
      return value === null || typeof value === 'string' ? value : REPEATED
    },
  }
}

export function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url')
}

/** The public JWK of a signer, with its required members alone. */
export function publicJwk({ publicKey }: Signer): Record<string, unknown> {
  return { ...createPublicKey(publicKey.export({ type: 'spki', format: 'pem' })).export({ format: 'jwk' }) }
}

/** RFC 7638, over the members in the order that it demands. */
export function thumbprintOf(signer: Signer): string {
  const { kty, crv, x, y, e, n } = publicJwk(signer)
  return hashOf(JSON.stringify(kty === 'RSA' ? { e, kty, n } : { crv, kty, x, y }))
}

let proofs = 0

/** A DPoP proof of this key for a GET of `/invoices/7`; `undefined` takes a member away. */
export function dpopProof(
  key: Signer,
  token: string,
  claims: Readonly<Record<string, unknown>> = {},
  header: Readonly<Record<string, unknown>> = {},
): string {
  const all = { jti: `proof-${proofs++}`, htm: 'GET', htu: `${ORIGIN}/invoices/7`, iat: NOW, ath: hashOf(token), ...claims }
  return key.signText(JSON.stringify({ typ: 'dpop+jwt', alg: key.algorithm, jwk: publicJwk(key), ...header }), JSON.stringify(all))
}

export function dpopRequest(token: string, proof: string | readonly string[], line: Parameters<typeof request>[1] = {}): Inbound {
  return request({ authorization: `DPoP ${token}`, dpop: proof }, line)
}

/** With another last octet of its signature. */
export function withOtherSignature(jws: string): string {
  const [header, payload, signature = ''] = jws.split('.')
  const bytes = Buffer.from(signature, 'base64url')
  bytes[10] = (bytes[10] ?? 0) ^ 1
  return `${header}.${payload}.${encode(bytes)}`
}
