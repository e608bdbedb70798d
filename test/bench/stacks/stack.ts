import { createPublicKey, type KeyObject } from 'node:crypto'
import type { Server } from 'node:https'
import type { GuardOptions } from '@countersign/guard'
import type { ServerCredentials } from '../credentials.js'

/** What stands in front of the handler. */
export type Protection =
  | { readonly kind: 'bare' }
  /** A middleware or hook that does nothing: what the framework takes for calling one. */
  | { readonly kind: 'empty' }
  | { readonly kind: 'countersign'; readonly options: GuardOptions }
  | { readonly kind: 'peers'; readonly way: PeersWay }

/**
 * The cheapest way the peers can be set up; that of their READMEs where it is another (keys through jwks-rsa, with its cache); or one
 * with verified tokens kept, where they can.
 */
export type PeersWay = 'cheapest' | 'with-jwks-rsa' | 'with-token-cache'

/** One framework: the same handler behind each protection, on a server that is not listening yet. */
export type Stack = (protection: Protection, credentials: ServerCredentials) => Promise<Server>

/** What the handler of every framework answers. */
export const INVOICES = { invoices: [{ id: 'inv-1', amount: 1200, currency: 'EUR' }] }

/** The same TLS for all. */
export function tlsOptions({ keyPem, chainPem, caPem }: ServerCredentials) {
  return { key: keyPem, cert: chainPem, ca: caPem, requestCert: true, rejectUnauthorized: false } as const
}

/** The issuer's key, parsed: the cheapest form that the peers take it in. */
export function issuerKey({ jwks }: ServerCredentials): KeyObject {
  const [jwk] = jwks
  if (jwk === undefined) throw new TypeError('the issuer has no key')
  return createPublicKey({ key: jwk, format: 'jwk' })
}
