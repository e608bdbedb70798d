import { createHash } from 'node:crypto'
import type { Clock } from '@countersign/core'
import {
  createDevAuthority,
  createSelfSigned,
  type DevAuthority,
  type IssuedCertificate,
  nameConstraintsExtension,
} from '@countersign/issuer'

export const TRUST_DOMAIN = 'prod.example'
export const HOST = 'billing.prod.example'

const HOUR_MS = 3_600_000
const DAY_SECONDS = 86_400
const YEAR_SECONDS = 365 * DAY_SECONDS
const SUBJECT_ALTERNATIVE_NAME = '2.5.29.17'

/** What a client authenticates with, and what tokens are bound to. */
export interface Credential {
  /** The leaf and whatever intermediates the client sends. */
  readonly chainPem: string
  readonly keyPem: string
  readonly certificateDer: Uint8Array
  readonly serialNumber: string
  readonly 'x5t#S256': string
}

/** The authorities, and the certificates that rows name. Each is made when it is first asked for. */
export interface Certificates {
  readonly root: DevAuthority
  /** The root of plain PKI, for names without a trust domain. */
  readonly plainRoot: DevAuthority
  readonly intermediate: DevAuthority
  readonly serverCredential: Credential
  of(kind: CertificateKind): Credential
  /** What the client sends beside the leaf. */
  sentWith(credential: Credential): readonly Uint8Array[]
}

export type CertificateKind = keyof ReturnType<typeof recipes>

/** Makes the authorities; `clock` is the one that guards judge by. */
export function createCertificates(clock: Clock): Certificates {
  const startsAt = new Date(clock.nowMs() - 24 * HOUR_MS)
  const root = createDevAuthority({
    name: 'Conformance root',
    trustDomain: TRUST_DOMAIN,
    clock,
    validFrom: startsAt,
    validSeconds: YEAR_SECONDS,
  })
  const plainRoot = createDevAuthority({ name: 'Plain root', clock, validFrom: startsAt, validSeconds: YEAR_SECONDS })
  const intermediate = root.issueAuthority({ name: 'Intermediate', validSeconds: DAY_SECONDS * 30 })
  const recipe = recipes({ root, plainRoot, intermediate }, clock)
  const made = new Map<CertificateKind, Credential>()

  return {
    root,
    plainRoot,
    intermediate,
    serverCredential: credentialOf(root.issue({ spiffeId: idOf('/billing'), dns: [HOST, 'localhost'] })),
    of(kind) {
      const credential = made.get(kind) ?? recipe[kind]()
      made.set(kind, credential)
      return credential
    },
    sentWith: ({ chainPem }) =>
      chainPem
        .split('-----END CERTIFICATE-----')
        .slice(1, -1)
        .map((pem) => Buffer.from(pem.replace('-----BEGIN CERTIFICATE-----', ''), 'base64')),
  }
}

export function idOf(path: string): string {
  return `spiffe://${TRUST_DOMAIN}${path}`
}

function recipes({ root, plainRoot, intermediate }: Readonly<Record<'root' | 'plainRoot' | 'intermediate', DevAuthority>>, clock: Clock) {
  const at = (hours: number): Date => new Date(clock.nowMs() + hours * HOUR_MS)
  const orders = { spiffeId: idOf('/orders'), dns: ['orders.prod.example'] }
  const weak = { dangerouslyWeak: true } as const
  const leafOnly = (issued: IssuedCertificate): Credential => ({ ...credentialOf(issued), chainPem: issued.certificatePem })

  return {
    // accepted
    orders: () => credentialOf(root.issue(orders)),
    'orders-again': () => credentialOf(root.issue(orders)),
    'orders-rsa': () => credentialOf(root.issue({ ...orders, key: 'rsa', rsaBits: 2048 })),
    'orders-ed25519': () => credentialOf(root.issue({ ...orders, key: 'ed25519' })),
    'orders-below-intermediate': () => credentialOf(intermediate.issue(orders)),
    'orders-in-last-second': () => credentialOf(root.issue({ ...orders, validFrom: at(-2), validSeconds: 2 * 3600 })),
    shipping: () => credentialOf(root.issue({ spiffeId: idOf('/shipping') })),
    ingress: () => credentialOf(root.issue({ spiffeId: idOf('/ingress') })),
    stranger: () => credentialOf(root.issue({ spiffeId: idOf('/stranger') })),
    'orders-evil': () => credentialOf(root.issue({ spiffeId: idOf('/orders/evil') })),
    'orders-upper-case': () => credentialOf(root.issue({ uris: [idOf('/Orders')] })),
    'dns-only': () => credentialOf(plainRoot.issue({ dns: ['partner.example'] })),
    'dns-upper-case': () => credentialOf(plainRoot.issue({ dns: ['PARTNER.example'] })),

    // the chain
    'self-signed': () => credentialOf(createSelfSigned(orders, { clock })),
    'unknown-ca': () => credentialOf(createDevAuthority({ name: 'Nobody', trustDomain: TRUST_DOMAIN, clock }).issue(orders)),
    'ca-of-the-same-name': () =>
      credentialOf(createDevAuthority({ name: 'Conformance root', trustDomain: TRUST_DOMAIN, clock }).issue(orders)),
    'missing-intermediate': () => leafOnly(intermediate.issue(orders)),
    'path-length-exceeded': () =>
      credentialOf(root.issueAuthority({ name: 'Short', pathLength: 0 }).issueAuthority({ name: 'Too far' }).issue(orders)),
    'issued-by-a-leaf': () => credentialOf(root.issueAuthority({ name: 'No CA', extensions: [NOT_A_CA] }).issue(orders)),
    'name-constraints-broken': () =>
      credentialOf(
        root
          .issueAuthority({
            name: 'Constrained',
            extensions: [nameConstraintsExtension({ permitted: { dns: ['shipping.prod.example'], uris: [TRUST_DOMAIN] } })],
          })
          .issue(orders),
      ),
    'expired-intermediate': () =>
      credentialOf(root.issueAuthority({ name: 'Old', validFrom: at(-20), validSeconds: 10 * 3600 }).issue(orders)),
    'foreign-trust-domain': () => credentialOf(root.issue({ spiffeId: 'spiffe://prod.example.evil/orders' })),
    'spiffe-id-of-plain-root': () => credentialOf(plainRoot.issue({ spiffeId: idOf('/orders'), dns: ['orders.prod.example'] })),
    'ten-intermediates': () => credentialOf(belowMany(root, 10).issue(orders)),

    // the leaf
    expired: () => credentialOf(root.issue({ ...orders, validFrom: at(-3), validSeconds: 3600 })),
    'orders-just-expired': () => credentialOf(root.issue({ ...orders, validFrom: at(-2), validSeconds: 2 * 3600 - 100 })),
    'not-yet-valid': () => credentialOf(root.issue({ ...orders, validFrom: at(1) })),
    revoked: () => credentialOf(root.issue({ ...orders, serialNumber: 'abad1dea' })),
    'for-servers': () => credentialOf(root.issue({ ...orders, extendedKeyUsage: ['serverAuth'] })),
    'for-any-purpose': () => credentialOf(root.issue({ ...orders, extendedKeyUsage: ['any'] })),
    'key-for-agreement': () => credentialOf(root.issue({ ...orders, keyUsage: ['keyAgreement'] })),
    'ca-as-leaf': () => credentialOf(root.issue({ ...orders, isCa: true, keyUsage: ['digitalSignature', 'keyCertSign'] })),
    'rsa-1024': () => credentialOf(root.issue({ ...orders, key: 'rsa', rsaBits: 1024, ...weak })),
    'signed-with-sha1': () => credentialOf(root.issue({ ...orders, hash: 'sha1', ...weak })),
    'name-in-cn-only': () => credentialOf(plainRoot.issue({ commonName: 'orders' })),
    'two-spiffe-ids': () => credentialOf(root.issue({ uris: [idOf('/orders'), idOf('/admin')] })),
    'spiffe-id-not-canonical': () => credentialOf(root.issue({ uris: ['spiffe://prod.example/orders/../admin'] })),
    'nul-in-dns-name': () => credentialOf(plainRoot.issue({ dns: ['partner.example\0.evil.example'] })),
    'san-of-rubbish': () =>
      credentialOf(
        root.issue({ commonName: 'orders', extensions: [{ oid: SUBJECT_ALTERNATIVE_NAME, value: Buffer.from([0x30, 0x05, 0x86]) }] }),
      ),
    'cn-with-commas': () =>
      credentialOf(root.issue({ ...orders, spiffeId: idOf('/stranger'), commonName: `x,CN=orders,URI:${idOf('/orders')}` })),
  }
}

const NOT_A_CA = { oid: '2.5.29.19', critical: true, value: Buffer.from([0x30, 0x00]) }

function belowMany(authority: DevAuthority, depth: number): DevAuthority {
  return depth === 0 ? authority : belowMany(authority.issueAuthority({ name: `Level ${depth}` }), depth - 1)
}

function credentialOf({ chainPem, keyPem, certificateDer, serialNumber }: IssuedCertificate): Credential {
  return { chainPem, keyPem, certificateDer, serialNumber, 'x5t#S256': createHash('sha256').update(certificateDer).digest('base64url') }
}
