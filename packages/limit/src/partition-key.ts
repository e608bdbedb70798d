import { addressKeyOf, type Identity, type Inbound, joinKey, type Principal } from '@countersign/core'
import type { CheckedPolicy } from './options.js'

/** Who an identity is, unmistakably: `alice` of one issuer is not `alice` of another. */
export function identityKey({ kind, authority, value }: Identity): string {
  return joinKey(kind, authority, value)
}

/**
 * Makes the key of a policy that depends on nothing but who is calling from where, and so can be kept; `null` for one that depends on the
 * request.
 */
export function lastingKeyOf(policy: CheckedPolicy): ((principal: Principal, inbound: Inbound) => string) | null {
  const { name, partitionBy } = policy
  if (typeof partitionBy === 'object') return (principal) => claimKey(name, partitionBy.claim, principal)
  switch (partitionBy) {
    case 'caller':
      return ({ caller }, inbound) =>
        caller === null ? joinKey(name, 'address', addressKeyOf(inbound)) : joinKey(name, caller.kind, caller.authority, caller.value)
    case 'trust-domain':
      return ({ caller }, inbound) =>
        caller === null
          ? joinKey(name, 'address', addressKeyOf(inbound))
          : joinKey(name, caller.kind === 'subject' ? 'issuer' : caller.kind, caller.authority)
    case 'address':
      return (_, inbound) => joinKey(name, 'address', addressKeyOf(inbound))
    case 'everyone':
      return () => joinKey(name)
    case 'route':
      return null
  }
}

/** The key of a policy that counts each method and path. */
export function routeKey(policyName: string, { method }: Inbound, path: string): string {
  return joinKey(policyName, method, path)
}

function claimKey(policyName: string, claim: string, { token }: Principal): string {
  const value = token !== null && Object.hasOwn(token.claims, claim) ? token.claims[claim] : undefined
  const isPlain = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
  return isPlain ? joinKey(policyName, typeof value, String(value)) : joinKey(policyName)
}
