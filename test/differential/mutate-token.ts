import type { TokenKind, Tokens } from '../conformance/tokens.js'
import type { Random } from './random.js'

const GOOD: readonly TokenKind[] = ['bound', 'bound-with-scope', 'bound-with-claim', 'for-alice', 'several-audiences', 'bound-to-shipping']
const BAD: readonly TokenKind[] = [
  'expired',
  'not-yet-valid',
  'issued-in-future',
  'other-audience',
  'other-issuer',
  'foreign-subject',
  'no-expiry',
  'expiry-as-text',
  'bound-to-another',
  'bound-by-other-means',
  'unbound-orders',
  'wrong-type',
  'critical-extension',
  'embedded-key',
  'unknown-key',
  'key-of-another',
  'algorithm-none',
  'symmetric-with-public-key',
  'signature-flipped',
  'payload-changed',
  'four-segments',
  'garbage',
  'too-large',
  'algorithm-none-with-signature',
  'not-base64url',
]

/** The value of an Authorization field. */
export function mutateToken(random: Random, tokens: Tokens): string {
  const token = tokens.of(random.percent(60) ? random.pick(GOOD) : random.pick(BAD))
  const scheme = random.percent(92)
    ? 'Bearer '
    : random.pick(['bearer ', 'BEARER  ', 'Bearer', 'Bearer\t', 'Basic ', 'DPoP ', '', 'Bearer Bearer ', 'Bearer,'])
  return scheme + (random.percent(88) ? token : damage(token, random))
}

function damage(token: string, random: Random): string {
  const at = random.below(token.length)
  switch (random.below(8)) {
    case 0:
      return token.slice(0, at) + token.slice(at + 1)
    case 1:
      return `${token.slice(0, at)}${random.pick(['=', '+', '/', '.', ' ', ',', '_', 'A', '~', '\u00e9'])}${token.slice(at)}`
    case 2:
      return `${token}${random.pick(['=', ' ', '.', ',x', ' x'])}`
    case 3:
      return token.slice(0, at)
    case 4:
      return token.split('.').reverse().join('.')
    case 5:
      return `${token.slice(0, at)}${token.charAt(at) === 'A' ? 'B' : 'A'}${token.slice(at + 1)}`
    case 6:
      return token.toUpperCase()
    default:
      return `${token}, Bearer ${token}`
  }
}
