import type { Facts } from '@countersign/core'
import type { MeshContext } from '../mesh-context.js'

/** Counts a token that was given away, and writes it down: that a service has proven itself, and what it got. */
export function tellIssued(
  { figures, note }: Pick<MeshContext, 'figures' | 'note'>,
  service: string,
  facts: Facts & { readonly tokenId: string },
): void {
  figures.authenticated()
  note('service.authenticated', 'info', 'A service has proven itself and got a token', { service, tokenId: facts.tokenId })
  note('token.issued', 'info', 'A token was issued', { service, ...facts })
}

/** Counts that a service got no token, and writes down why. */
export function tellNotIssued(
  { figures, note }: Pick<MeshContext, 'figures' | 'note'>,
  code: string,
  facts: Facts,
  cause?: unknown,
  severity: 'warn' | 'error' = 'warn',
): void {
  figures.notAuthenticated(code)
  note('service.authentication-failed', severity, 'A service got no token', facts, code, cause)
}
