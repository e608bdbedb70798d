import type { GuardOptions } from '@countersign/guard'
import type { ServerCredentials } from './credentials.js'
import { AUDIENCE, CALLER, ISSUER, TRUST_DOMAIN } from './names.js'

/** High enough that nothing in a run is ever refused for it: 100,000 a second, six million at once. */
export const ENDLESS = { quota: 6_000_000, windowSeconds: 60 } as const

/** Everything on, as a service would have it: certificate, bound token, identity quota, rules, audit. */
export function fullOptions({ caPem, jwks }: Pick<ServerCredentials, 'caPem' | 'jwks'>): GuardOptions {
  return {
    mtls: { trust: { trustDomain: TRUST_DOMAIN, pem: caPem } },
    jwt: { issuer: ISSUER, audience: AUDIENCE, keys: { jwks }, algorithms: ['RS256', 'ES256'], subjects: [CALLER] },
    authorize: [
      { callers: CALLER, methods: ['GET'], paths: ['/invoices', { under: '/invoices' }] },
      { callers: `spiffe://${TRUST_DOMAIN}/admin` },
    ],
    limit: { perCaller: ENDLESS },
  }
}

/** Everything on, for every caller of the trust domain and not one alone. */
export function everyCallerOptions(credentials: Pick<ServerCredentials, 'caPem' | 'jwks'>): GuardOptions {
  const { jwt, ...full } = fullOptions(credentials)
  if (jwt === null || !('issuer' in jwt)) throw new TypeError('the full options have one issuer')
  const everybody = { trustDomain: TRUST_DOMAIN }
  return { ...full, jwt: { ...jwt, subjects: [everybody] }, authorize: [{ callers: everybody }] }
}

/** The guard with a part of it off, to see what each part costs. */
export const PARTS = {
  countersign: (credentials) => fullOptions(credentials),
  'without-limit': (credentials) => ({ ...fullOptions(credentials), limit: null }),
  'without-audit': (credentials) => ({ ...fullOptions(credentials), audit: null }),
  'without-rules': (credentials) => ({ ...fullOptions(credentials), authorize: 'any-authenticated' }),
  'every-caller': (credentials) => everyCallerOptions(credentials),
  'certificate-only': (credentials) => ({
    ...fullOptions(credentials),
    jwt: null,
    limit: null,
    audit: null,
    authorize: 'any-authenticated',
  }),
  'token-only': (credentials) => {
    const { jwt } = fullOptions(credentials)
    if (jwt === null || !('issuer' in jwt)) throw new TypeError('the full options have one issuer')
    return { mtls: null, jwt: { ...jwt, binding: 'if-bound' }, limit: null, audit: null, authorize: 'any-authenticated' }
  },
} as const satisfies Record<string, (credentials: ServerCredentials) => GuardOptions>

/** Those that are compared part by part. */
export const COMPARED_PARTS: readonly Part[] = [
  'countersign',
  'without-limit',
  'without-audit',
  'without-rules',
  'certificate-only',
  'token-only',
]

export type Part = keyof typeof PARTS

export function isPart(name: string): name is Part {
  return Object.hasOwn(PARTS, name)
}
