import { matchSignature } from './match-signature.js'
import type { Signed } from './open-token.js'
import type { VerificationKey } from './verification-key.js'

/** Finds the key that has signed the token of these credentials. */
export type Matcher = (field: string, signed: Signed) => VerificationKey | null | Promise<VerificationKey | null>

/**
 * Makes a matcher: many requests may bring a new token at once, and one verification answers them all. It is remembered no longer than the
 * requests wait for it.
 */
export function createMatcher(): Matcher {
  const matching = new Map<string, { readonly epoch: number; readonly key: Promise<VerificationKey | null> }>()

  return function match(field, { appraisal, candidates, epoch }) {
    // The text of a token is long, and hashed for the first time here.
    const running = matching.size === 0 ? undefined : matching.get(field)
    // Only under the same keys: what another key of this name has signed is another question.
    if (running?.epoch === epoch) return running.key
    const { algorithm, signingInput, signature } = appraisal
    const matched = matchSignature(candidates, algorithm, signingInput, signature)
    if (!(matched instanceof Promise)) return matched
    const started = {
      epoch,
      key: matched.finally(() => {
        if (matching.get(field) === started) matching.delete(field)
      }),
    }
    matching.set(field, started)
    return started.key
  }
}
