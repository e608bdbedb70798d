import { checkChoice, checkKeys, checkText, FetchError, joinPath, kindOf, MisuseError } from '@countersign/core'

/**
 * How this service proves to the issuer who it is, by the issuer's name for it (`token_endpoint_auth_method`). `client_secret_basic`: a shared
 * secret (RFC 6749 §2.3.1). `private_key_jwt`: an assertion (RFC 7523 §2.2), made anew for each question. `tls_client_auth`: a client
 * certificate (RFC 8705 §2), which the given `fetch` presents.
 */
export type ClientAuthentication =
  | { readonly method: 'client_secret_basic'; readonly clientId: string; readonly clientSecret: string }
  | { readonly method: 'private_key_jwt'; readonly clientId?: string; readonly assertion: () => string | Promise<string> }
  | { readonly method: 'tls_client_auth'; readonly clientId: string; readonly fetch: typeof globalThis.fetch }

/** What a question is sent with. */
export interface Credentials {
  /** `Authorization`; `null`: none. */
  readonly authorization: string | null
  /** Names and values that go into the form. */
  readonly fields: Readonly<Record<string, string>>
  /** `null`: the one that everything else is fetched with. */
  readonly fetch: typeof globalThis.fetch | null
}

/** Makes the credentials of one question. Rejects with a `FetchError` if they cannot be had. */
export type Authenticate = () => Credentials | Promise<Credentials>

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const METHODS = ['client_secret_basic', 'private_key_jwt', 'tls_client_auth'] as const

/** @throws {MisuseError} for what is no {@link ClientAuthentication}. */
export function checkClientAuthentication(option: string, value: unknown): Authenticate {
  if (typeof value !== 'object' || value === null) {
    throw new MisuseError('ERR_OPTION_INVALID', option, `takes an object with a method, not ${kindOf(value)}`)
  }
  const at = (key: string): string => joinPath(option, key)
  const method = checkChoice(at('method'), 'method' in value ? value.method : undefined, METHODS)
  switch (method) {
    case 'client_secret_basic': {
      checkKeys(option, value, ['method', 'clientId', 'clientSecret'])
      const [id, secret] = [checkText(at('clientId'), value['clientId']), checkText(at('clientSecret'), value['clientSecret'])]
      const authorization = `Basic ${Buffer.from(`${formEncoded(id)}:${formEncoded(secret)}`).toString('base64')}`
      return constantly({ authorization, fields: {}, fetch: null })
    }
    case 'private_key_jwt': {
      checkKeys(option, value, ['method', 'clientId', 'assertion'])
      const { assertion, clientId } = value
      if (typeof assertion !== 'function') throw new MisuseError('ERR_OPTION_INVALID', at('assertion'), 'takes a function that makes a JWT')
      const client = clientId === undefined ? {} : { client_id: checkText(at('clientId'), clientId) }
      return async () => {
        const made: unknown = await assertion()
        if (typeof made !== 'string' || made === '') throw new FetchError('the assertion is no text')
        return { authorization: null, fields: { ...client, client_assertion_type: ASSERTION_TYPE, client_assertion: made }, fetch: null }
      }
    }
    case 'tls_client_auth': {
      checkKeys(option, value, ['method', 'clientId', 'fetch'])
      const { fetch } = value
      if (!isFetch(fetch)) {
        throw new MisuseError('ERR_OPTION_INVALID', at('fetch'), 'takes a fetch that presents the client certificate')
      }
      // RFC 8705 §2: the issuer looks up by client_id which certificate it must see.
      return constantly({ authorization: null, fields: { client_id: checkText(at('clientId'), value['clientId']) }, fetch })
    }
  }
}

function isFetch(value: unknown): value is typeof globalThis.fetch {
  return typeof value === 'function'
}

function constantly(credentials: Credentials): Authenticate {
  return () => credentials
}

/** `application/x-www-form-urlencoded`, which RFC 6749 §2.3.1 has for both parts before they are joined. */
function formEncoded(text: string): string {
  return new URLSearchParams({ '': text }).toString().slice(1)
}
