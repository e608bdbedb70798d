import {
  type CertificateMetadata,
  checkChoice,
  checkKeys,
  checkList,
  checkText,
  ipTextOf,
  isSha256Thumbprint,
  joinPath,
  kindOf,
  MisuseError,
  parseIpAddress,
  type Surroundings,
} from '@countersign/core'
import { type Algorithm, type ClientAssertionVerifier, createClientAssertionVerifier } from '@countersign/token'
import { parseCertificate } from '@countersign/x509'
import type { AssertionAuthentication, OAuthClientAuthentication } from './client.js'

/** How a client proves that it is the client, checked once. */
export type RegisteredCredential =
  | { readonly method: 'tls_client_auth'; matches(certificate: CertificateMetadata): boolean }
  | { readonly method: 'self_signed_tls_client_auth'; readonly thumbprints: ReadonlySet<string> }
  | { readonly method: 'private_key_jwt'; readonly assertions: ClientAssertionVerifier; readonly algorithms: readonly Algorithm[] }
  | { readonly method: 'client_secret_basic' | 'client_secret_post'; readonly owner: string }

/** What the server has to verify credentials with. */
export interface CredentialContext {
  /** Issuer identifier of the server. */
  readonly issuer: string
  /** The server has `mtls`. */
  readonly verifiesCertificates: boolean
  /** The server has `apiKeys`. */
  readonly verifiesSecrets: boolean
  readonly skewSeconds: number
  readonly surroundings: Surroundings
}

/** Of assertions of a client that names none. */
export const ASSERTION_ALGORITHMS: readonly Algorithm[] = Object.freeze<Algorithm[]>(['ES256', 'RS256', 'PS256', 'Ed25519'])

const METHODS = [
  'tls_client_auth',
  'self_signed_tls_client_auth',
  'private_key_jwt',
  'client_secret_basic',
  'client_secret_post',
] as const satisfies readonly OAuthClientAuthentication['method'][]
const NAMES = ['subjectDn', 'sanDns', 'sanUri', 'sanIp', 'sanEmail'] as const
/** An operator writes a name as people read it; in RFC 4514 §2.1 there is nothing beside the commas. */
const SPACED = /(?<!\\)([,+])\s+/g

/**
 * Checks how a client authenticates.
 * @throws {MisuseError}
 */
export function checkCredential(option: string, clientId: string, value: unknown, context: CredentialContext): RegisteredCredential {
  if (typeof value !== 'object' || value === null)
    throw new MisuseError(
      'ERR_OPTION_MISSING',
      option,
      `says how the client authenticates: { method: 'tls_client_auth', sanUri: '…' }, not ${kindOf(value)}`,
    )
  const given = value as Record<string, unknown>
  const method = checkChoice(joinPath(option, 'method'), given['method'], METHODS)
  switch (method) {
    case 'tls_client_auth':
      if (!context.verifiesCertificates)
        throw new MisuseError('ERR_OPTION_CONTRADICTION', option, 'needs mtls: without it no certificate is believed')
      return checkName(option, given)
    case 'self_signed_tls_client_auth':
      return Object.freeze({ method, thumbprints: checkThumbprints(option, given) })
    case 'private_key_jwt':
      return checkAssertion(option, clientId, given, context)
    case 'client_secret_basic':
    case 'client_secret_post':
      checkKeys(option, given, ['method', 'owner'])
      if (!context.verifiesSecrets) throw new MisuseError('ERR_OPTION_CONTRADICTION', option, 'needs apiKeys: client secrets are API keys')
      return Object.freeze({
        method,
        owner: given['owner'] === undefined ? clientId : checkText(joinPath(option, 'owner'), given['owner']),
      })
  }
}

/** RFC 8705 §2.1.2: exactly one name. */
function checkName(option: string, given: Record<string, unknown>): RegisteredCredential {
  checkKeys(option, given, ['method', ...NAMES])
  const [name, ...others] = NAMES.filter((key) => given[key] !== undefined)
  if (name === undefined || others.length > 0)
    throw new MisuseError('ERR_OPTION_INVALID', option, `takes exactly one of ${NAMES.join(', ')}`)
  const text = checkText(joinPath(option, name), given[name])
  return Object.freeze({ method: 'tls_client_auth', matches: compileName(joinPath(option, name), name, text) })
}

function compileName(option: string, name: (typeof NAMES)[number], text: string): (certificate: CertificateMetadata) => boolean {
  switch (name) {
    case 'subjectDn': {
      const subject = text.replaceAll(SPACED, '$1')
      return (certificate) => certificate.subject === subject
    }
    case 'sanDns': {
      // RFC 4343: letter case means nothing in a DNS name.
      const dns = text.toLowerCase()
      return ({ sans }) => sans.dns.some((other) => other.toLowerCase() === dns)
    }
    case 'sanUri':
      return ({ sans }) => sans.uri.includes(text)
    case 'sanIp': {
      const address = parseIpAddress(text)
      if (address === null) throw new MisuseError('ERR_OPTION_INVALID', option, 'takes an IP address')
      const canonical = ipTextOf(address)
      return ({ sans }) => sans.ip.some((other) => canonicalIp(other) === canonical)
    }
    case 'sanEmail':
      return ({ sans }) => sans.email.includes(text)
  }
}

function canonicalIp(text: string): string | null {
  const address = parseIpAddress(text)
  return address === null ? null : ipTextOf(address)
}

/** RFC 8705 §2.2.2 */
function checkThumbprints(option: string, given: Record<string, unknown>): ReadonlySet<string> {
  checkKeys(option, given, ['method', 'thumbprints', 'jwks'])
  const { thumbprints, jwks } = given
  if ((thumbprints === undefined) === (jwks === undefined))
    throw new MisuseError('ERR_OPTION_INVALID', option, 'takes one of thumbprints and jwks')
  if (thumbprints !== undefined) {
    const path = joinPath(option, 'thumbprints')
    return new Set(
      checkList(path, thumbprints).map((thumbprint, index) => {
        if (isSha256Thumbprint(thumbprint)) return thumbprint
        throw new MisuseError(
          'ERR_OPTION_INVALID',
          `${path}[${index}]`,
          'takes x5t#S256 of a certificate: SHA-256 in base64url, 43 characters',
        )
      }),
    )
  }
  checkKeys(joinPath(option, 'jwks'), jwks, ['keys'])
  const path = joinPath(option, 'jwks.keys')
  return new Set(checkList(path, jwks['keys']).map((jwk, index) => thumbprintOfX5c(`${path}[${index}].x5c`, jwk)))
}

/** RFC 7517 §4.7: the first certificate is the one that holds the key. */
function thumbprintOfX5c(option: string, jwk: unknown): string {
  const [leaf] = checkList(option, typeof jwk === 'object' && jwk !== null && 'x5c' in jwk ? jwk.x5c : undefined)
  const der = Buffer.from(checkText(`${option}[0]`, leaf), 'base64')
  try {
    return parseCertificate(der)['x5t#S256']
  } catch (cause) {
    throw new MisuseError('ERR_OPTION_INVALID', `${option}[0]`, 'takes a DER certificate in base64', cause)
  }
}

function checkAssertion(
  option: string,
  clientId: string,
  given: Record<string, unknown>,
  { issuer, skewSeconds, surroundings }: CredentialContext,
): RegisteredCredential {
  checkKeys(option, given, ['method', 'keys', 'algorithms'])
  const { keys, algorithms = ASSERTION_ALGORITHMS } = given as Partial<AssertionAuthentication>
  if (keys === undefined)
    throw new MisuseError(
      'ERR_OPTION_MISSING',
      joinPath(option, 'keys'),
      "says where the client's public keys are: { jwksUri } or { jwks }",
    )
  const options = { clientId, audience: issuer, keys, clockSkewSeconds: skewSeconds, algorithms }
  const assertions = createClientAssertionVerifier(option, options, surroundings)
  return Object.freeze({ method: 'private_key_jwt', assertions, algorithms: Object.freeze([...algorithms]) })
}
