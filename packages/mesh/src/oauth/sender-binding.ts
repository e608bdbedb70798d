import type { CertificateMetadata } from '@countersign/core'
import type { SenderBinding } from '../issue/token-mint.js'
import type { RegisteredClient } from './registered-client.js'
import { type Rejection, reject } from './rejection.js'

const UNBOUND = Object.freeze(reject('ERR_GRANT_UNBOUND'))

/**
 * What the tokens of a request are bound to. Whatever it brings binds, unless the client's tokens are bound to keys alone; what the client's
 * tokens must be bound to, it must bring.
 * @param jkt of the key of a verified DPoP proof; `null` without one.
 */
export function resolveBinding(
  { senderConstrained, unbound }: RegisteredClient,
  certificate: CertificateMetadata | null,
  jkt: string | null,
): SenderBinding | Rejection {
  const thumbprint = certificate === null || senderConstrained === 'dpop' ? null : certificate['x5t#S256']
  const lacks =
    senderConstrained === 'mtls' ? thumbprint === null : senderConstrained === 'dpop' ? jkt === null : (thumbprint ?? jkt) === null
  return lacks && !unbound ? UNBOUND : { thumbprint, jkt }
}
