import { checkList, checkText, MisuseError } from '@countersign/core'
import type { TokenType } from './header.js'
import { isTrustDomain } from './wimse/workload-id.js'

/**
 * Checks who issues tokens of a type.
 * @throws {MisuseError}
 */
export function checkIssuer(option: string, issuer: unknown, type: TokenType): string {
  const text = checkText(option, issuer)
  if (type === 'wit+jwt' && !isTrustDomain(text))
    throw new MisuseError('ERR_OPTION_INVALID', option, "takes the trust domain of Workload Identity Tokens: 'wimse://prod.example'")
  return text
}

/**
 * Checks whom tokens of a type must be for.
 * @throws {MisuseError}
 */
export function checkAudience(option: string, audience: unknown, type: TokenType): readonly string[] | null {
  if (audience === undefined) {
    throw new MisuseError(
      'ERR_OPTION_MISSING',
      option,
      "names this service as tokens do: audience: 'billing' (null lets tokens for any service in)",
    )
  }
  if (audience === null) {
    // JWT-SVID §3: a validator refuses what does not name it.
    if (type === 'jwt-svid')
      throw new MisuseError('ERR_OPTION_CONTRADICTION', option, 'cannot be null for JWT-SVIDs: name your own SPIFFE ID')
    return null
  }
  if (type === 'wit+jwt')
    throw new MisuseError('ERR_OPTION_CONTRADICTION', option, 'must be null for Workload Identity Tokens: their proofs have an audience')
  return typeof audience === 'string' ? Object.freeze([checkText(option, audience)]) : checkTexts(option, audience)
}

/** @throws {MisuseError} unless each is a text that is not empty. */
export function checkTexts(option: string, texts: unknown): readonly string[] {
  return Object.freeze(checkList(option, texts).map((text, index) => checkText(`${option}[${index}]`, text)))
}
