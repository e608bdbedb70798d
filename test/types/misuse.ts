// Compiled, never run: each line below an @ts-expect-error must not compile, or the build is red.
import { createGuard, type GuardOptions } from '@countersign/guard'

const mtls = { trust: 'ca.pem' } as const
const keys = { jwksUri: 'https://issuer.example/jwks' } as const
const jwt = { issuer: 'https://issuer.example', audience: 'billing', keys } as const
const authorize = 'any-authenticated'

export function requiredKeys(): void {
  // @ts-expect-error `authorize` is missing
  createGuard({ mtls, jwt: null })
  // @ts-expect-error `mtls` must be said, if only with null
  createGuard({ jwt: null, authorize })
  // @ts-expect-error `jwt` must be said, if only with null
  createGuard({ mtls, authorize })
  // @ts-expect-error an audience must be said, if only with null
  createGuard({ mtls, jwt: { issuer: 'https://issuer.example', keys }, authorize })
  // @ts-expect-error keys must be said: they are never taken from the token
  createGuard({ mtls, jwt: { issuer: 'https://issuer.example', audience: 'billing' }, authorize })
  // @ts-expect-error null would not say whether nobody or everybody is meant
  createGuard({ mtls, jwt: null, authorize: null })
}

export function wrongOptions(): void {
  // @ts-expect-error unknown key
  createGuard({ mtls, jwt: null, authorize, rateLimit: 5 })
  // @ts-expect-error unknown key of a part, where the part stands alone; inside of createGuard it is refused when it runs
  const part: GuardOptions['mtls'] = { ...mtls, ca: 'ca.pem' }
  createGuard({ mtls: part, jwt: null, authorize })
  // @ts-expect-error one pin alone locks you out at the next key change
  createGuard({ mtls: { ...mtls, pins: ['a'] }, jwt: null, authorize })
  // @ts-expect-error no such algorithm is accepted of anybody
  createGuard({ mtls, jwt: { ...jwt, algorithms: ['HS256'] }, authorize })
  // @ts-expect-error no such algorithm exists
  createGuard({ mtls, jwt: { ...jwt, algorithms: ['none'] }, authorize })
  // @ts-expect-error a word that nobody knows
  createGuard({ mtls, jwt, authorize: 'everybody' })
  // @ts-expect-error a word that nobody knows
  createGuard({ mtls, jwt, authorize, require: 'some' })
  // @ts-expect-error evidence that nobody knows
  createGuard({ mtls, jwt, authorize, require: [['password']] })
  // @ts-expect-error an inner list that demands nothing
  createGuard({ mtls, jwt, authorize, require: [[]] })
  // @ts-expect-error misspelt: `methods`
  createGuard({ mtls, jwt, authorize: [{ callers: 'spiffe://prod.example/orders', method: 'GET' }] })
  // @ts-expect-error to deny is said with true, and not at all otherwise
  createGuard({ mtls, jwt, authorize: [{ callers: 'spiffe://prod.example/orders', deny: false }] })
}

export function exactOptional(options: GuardOptions): GuardOptions {
  // @ts-expect-error undefined is no setting: leave the key out
  return { ...options, limit: undefined }
}
