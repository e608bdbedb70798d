import { checkChoice, MisuseError } from '@countersign/core'
import { checkDpopOptions } from './dpop/options.js'
import type { TokenType } from './header.js'
import type { IssuerRules } from './options.js'
import { checkWptOptions } from './wimse/options.js'

/**
 * Checks what an issuer's tokens must be bound to, and how that is proven.
 * @param at path of an option by its key.
 * @throws {MisuseError} for options that say nothing together, and for `dpop` without a word on what is demanded.
 */
export function checkProofs(
  at: (key: string) => string,
  options: Record<string, unknown>,
  type: TokenType,
): Pick<IssuerRules, 'binding' | 'dpop' | 'proof'> {
  if (type === 'wit+jwt') {
    const other = ['binding', 'dpop'].find((key) => options[key] !== undefined && options[key] !== null)
    if (other !== undefined)
      throw new MisuseError('ERR_OPTION_CONTRADICTION', at(other), 'says nothing of Workload Identity Tokens: each is proven as proof says')
    return { binding: 'sender-constrained', dpop: null, proof: checkWptOptions(at('proof'), options['proof']) }
  }
  if (options['proof'] !== undefined)
    throw new MisuseError(
      'ERR_OPTION_CONTRADICTION',
      at('proof'),
      "is for type: 'wit+jwt' alone; for access tokens write dpop: { origins }",
    )
  const dpop = checkDpopOptions(at('dpop'), options['dpop'])
  if (dpop !== null && options['binding'] === undefined)
    throw new MisuseError(
      'ERR_OPTION_MISSING',
      at('binding'),
      "must be said beside dpop: 'dpop' demands a proven key, 'sender-constrained' takes a certificate for it, 'if-bound' bearer tokens too",
    )
  const binding = checkChoice(at('binding'), options['binding'] ?? 'mtls', [
    'mtls',
    'dpop',
    'sender-constrained',
    'if-bound',
    'dangerously-unchecked',
  ])
  if (dpop === null && (binding === 'dpop' || binding === 'sender-constrained'))
    throw new MisuseError(
      'ERR_OPTION_CONTRADICTION',
      at('binding'),
      "needs to know how keys are proven: dpop: { origins: 'https://billing.example' }",
    )
  return { binding, dpop, proof: null }
}
