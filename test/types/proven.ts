// Compiled, never run: what the type system knows of a principal from the options of its guard.
import type { ApiKey, CertifiedPeer, Peer, Principal, Token } from '@countersign/core'
import { createGuard } from '@countersign/guard'

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const same = <A, B>(_: Same<A, B>): void => {}

const mtls = { trust: 'ca.pem' } as const
const keys = { jwksUri: 'https://issuer.example/jwks' } as const
const jwt = { issuer: 'https://issuer.example', audience: 'billing', keys } as const
const apiKeys = { keys: { file: 'keys.json' }, hashKey: { file: 'pepper.bin' } } as const
const authorize = 'any-authenticated'
const request = {}

export function both(): void {
  const guard = createGuard({ mtls, jwt, authorize })
  same<(typeof guard extends { principal(request: object): infer P } ? P : never)['peer'], Peer & CertifiedPeer>(true)
  same<(typeof guard extends { principal(request: object): infer P } ? P : never)['token'], Token>(true)
  guard.principal(request).peer.certificate.validTo.getTime()
  guard.principal(request).token.claims['tenant']
  const all = createGuard({ mtls, jwt, authorize, require: 'all' })
  all.principal(request).peer.spiffeId?.toString()
}

export function certificateAlone(): void {
  const guard = createGuard({ mtls, jwt: null, authorize })
  guard.principal(request).peer.certificate.daysLeft(0)
  // @ts-expect-error no token is looked at
  guard.principal(request).token.claims
}

export function tokenAlone(): void {
  const guard = createGuard({ mtls: null, jwt, authorize })
  guard.principal(request).token.scopes.has('read')
  // @ts-expect-error no certificate is looked at
  guard.principal(request).peer.certificate
}

export function keyAlone(): void {
  const guard = createGuard({ mtls: null, jwt: null, apiKeys, authorize })
  same<(typeof guard extends { principal(request: object): infer P } ? P : never)['apiKey'], ApiKey>(true)
  guard.principal(request).apiKey.scopes.has('read')
  // @ts-expect-error no token is looked at
  guard.principal(request).token.claims
}

export function everyKind(): void {
  const guard = createGuard({ mtls, jwt, apiKeys, authorize })
  guard.principal(request).peer.certificate.daysLeft(0)
  guard.principal(request).token.claims['tenant']
  guard.principal(request).apiKey.owner.value
  const lenient = createGuard({ mtls, jwt, apiKeys, authorize, require: 'any' })
  // @ts-expect-error there may be none
  lenient.principal(request).apiKey.owner
  const without = createGuard({ mtls, jwt, apiKeys: null, authorize })
  // @ts-expect-error none is looked at
  without.principal(request).apiKey.owner
}

export function either(): void {
  for (const guard of [
    createGuard({ mtls, jwt, authorize, require: 'any' }),
    createGuard({ mtls, jwt, authorize: 'anyone', require: 'optional' }),
    createGuard({ mtls, jwt, authorize, require: [['mtls', 'jwt'], ['jwt']] }),
  ]) {
    // @ts-expect-error either may be missing
    guard.principal(request).peer.certificate
    // @ts-expect-error either may be missing
    guard.principal(request).token.claims
    guard.principal(request).peer?.certificate
  }
}

export function frozen(principal: Principal): void {
  // @ts-expect-error nobody changes who called
  principal.id = 'somebody else'
  // @ts-expect-error nor what was proven
  principal.evidence.push('mtls')
}
