import { type Inbound, REPEATED } from '@countersign/core'
import { subjectOfAssertion } from '@countersign/token'
import { decodeFormText, type Form } from './form.js'
import { type Rejection, reject } from './rejection.js'

/** Who a request says it is of, and what came to prove it. Nothing in it is verified. */
export interface PresentedClient {
  readonly clientId: string
  readonly method: 'certificate' | 'client_secret_basic' | 'client_secret_post' | 'private_key_jwt'
  /** The secret or the assertion; empty for a certificate, which comes with the connection. */
  readonly credential: string
}

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const BASIC = /^basic +([A-Za-z\d+/]+={0,2})$/i
const UNIDENTIFIED = Object.freeze(reject('ERR_CLIENT_UNIDENTIFIED'))
const SEVERAL = Object.freeze(reject('ERR_CLIENT_METHODS'))

/** Finds the one client authentication of a request. */
export function readPresentedClient(inbound: Inbound, form: Form): PresentedClient | Rejection {
  const field = inbound.header('authorization')
  const clientId = form.one('client_id')
  const secret = form.one('client_secret')
  const assertion = form.one('client_assertion')
  const assertionType = form.one('client_assertion_type')
  // RFC 6749 §2.3: the client MUST NOT use more than one authentication method in each request.
  if (field === REPEATED || [field, secret, assertion].filter((credential) => credential !== null).length > 1) return SEVERAL
  if (field !== null) return readBasic(field, clientId)
  if (assertion !== null) return readAssertion(assertion, assertionType, clientId)
  if (assertionType !== null) return reject('ERR_OAUTH_REQUEST', { reason: 'assertion' })
  // RFC 8705 §2: client_id is in every request that a certificate authenticates; RFC 6749 §2.3.1: and with every secret in the body.
  if (clientId === null) return UNIDENTIFIED
  return secret === null
    ? { clientId, method: 'certificate', credential: '' }
    : { clientId, method: 'client_secret_post', credential: secret }
}

/** RFC 6749 §2.3.1: both parts are encoded as in a form before they are joined. */
function readBasic(field: string, clientId: string | null): PresentedClient | Rejection {
  const encoded = BASIC.exec(field)?.[1]
  if (encoded === undefined) return UNIDENTIFIED
  const pair = Buffer.from(encoded, 'base64').toString('latin1')
  const colon = pair.indexOf(':')
  const name = colon === -1 ? null : decodeFormText(pair.slice(0, colon))
  const credential = colon === -1 ? null : decodeFormText(pair.slice(colon + 1))
  if (name === null || name === '' || credential === null || credential === '') return UNIDENTIFIED
  if (clientId !== null && clientId !== name) return SEVERAL
  return { clientId: name, method: 'client_secret_basic', credential }
}

/** RFC 7521 §4.2. `client_id` may be left out: then the assertion's subject is looked up. */
function readAssertion(credential: string, type: string | null, clientId: string | null): PresentedClient | Rejection {
  if (type !== ASSERTION_TYPE) return UNIDENTIFIED
  const named = clientId ?? subjectOfAssertion(credential)
  return named === null ? UNIDENTIFIED : { clientId: named, method: 'private_key_jwt', credential }
}
