import { createHmac } from 'node:crypto'
import type { Random } from '../differential/random.js'
import { encode, type Signer } from './issuers.js'

/** A change to a token as text: its signature, if it was right, need not be any more. */
export type TextMutation = (token: string, random: Random, world: World) => string

export interface World {
  readonly signers: readonly Signer[]
  /** A good token of every algorithm. */
  readonly good: readonly string[]
}

const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const STRAY = ['=', '==', '+', '/', ' ', '\t', '.', '..', '"', '{', '%2e', '\u0000', 'é', '\u2028', '👻', '~', ',']

export const TEXT_MUTATIONS: readonly TextMutation[] = [
  // One bit of one character, and characters here and there.
  (token, random) =>
    replaceAt(token, random.below(token.length), (unit) => String.fromCharCode(unit.charCodeAt(0) ^ (1 << random.below(7)))),
  (token, random) => replaceAt(token, random.below(token.length), () => random.pick([...BASE64URL])),
  (token, random) => replaceAt(token, random.below(token.length), () => ''),
  (token, random) => replaceAt(token, random.below(token.length), (unit) => unit + random.pick(STRAY)),
  (token, random) => replaceAt(token, random.below(token.length), (unit) => unit + random.pick([...BASE64URL])),
  (token, random) => token.slice(0, random.below(token.length)),
  // The same bytes in other letters: spare bits, padding, the other alphabet, white space.
  (token, random) => segmentwise(token, random, (segment) => withSpareBits(segment, random)),
  (token, random) => segmentwise(token, random, (segment) => segment + random.pick(['=', '==', '===', '\n', ' '])),
  (token, random) => segmentwise(token, random, (segment) => segment.replaceAll('-', '+').replaceAll('_', '/')),
  (token, random) =>
    segmentwise(token, random, (segment) =>
      replaceAt(segment, random.below(segment.length), (unit) => `${unit}${random.pick(['\n', ' ', '\r\n', '\t', '='])}`),
    ),
  (token, random) => ` ${token}${random.pick(['', ' ', '\n'])}`,
  (token, random) => token + random.pick([' ', '\n', '.', '..', '=', '\u0000']),
  // Segments: another's, swapped, doubled, left out, empty.
  (token, random, { good }) => recombined(token, random.pick(good), random),
  (token, random) => {
    const parts = token.split('.')
    parts.splice(random.below(parts.length), 1)
    return parts.join('.')
  },
  (token, random) => {
    const parts = token.split('.')
    parts.splice(random.below(parts.length + 1), 0, random.pick(['', 'x', parts[0] ?? '', parts[2] ?? '']))
    return parts.join('.')
  },
  (token, random) => segmentwise(token, random, () => ''),
  (token) => token.split('.').reverse().join('.'),
  // Not signed, or signed with what everybody knows.
  (token, random) => {
    const [, payload = '', signature = ''] = token.split('.')
    const alg = random.pick(['none', 'None', 'NONE', 'nOnE', 'HS256', ''])
    return `${encode(JSON.stringify({ alg, typ: 'at+jwt' }))}.${payload}.${random.pick(['', signature])}`
  },
  (token, random, { signers }) => {
    const { publicKey, jwk, kid } = random.pick(signers)
    const secret = random.pick([
      publicKey.export({ format: 'pem', type: 'spki' }),
      publicKey.export({ format: 'der', type: 'spki' }),
      JSON.stringify(jwk),
      '',
    ])
    const input = `${encode(JSON.stringify({ alg: 'HS256', typ: 'at+jwt', kid }))}.${token.split('.')[1]}`
    return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`
  },
  // JSON serializations (RFC 7515 §7.2).
  (token, random) => {
    const [header, payload, signature] = token.split('.')
    const flat = { protected: header, payload, signature }
    return JSON.stringify(random.percent(50) ? flat : { payload, signatures: [{ protected: header, signature }] })
  },
  // ECDSA as DER, RSA without its padding: other writings of the same signature.
  (token) => {
    const [header, payload, signature = ''] = token.split('.')
    const bytes = Buffer.from(signature, 'base64url')
    const half = bytes.length / 2
    const integer = (part: Buffer): Buffer => Buffer.concat([Buffer.from([2, part.length + 1, 0]), part])
    const body = Buffer.concat([integer(bytes.subarray(0, half)), integer(bytes.subarray(half))])
    return `${header}.${payload}.${Buffer.concat([Buffer.from([0x30, body.length]), body]).toString('base64url')}`
  },
  (token, random) => {
    const [header, payload, signature = ''] = token.split('.')
    const bytes = Buffer.from(signature, 'base64url')
    const other = random.pick([
      Buffer.alloc(bytes.length),
      Buffer.alloc(bytes.length, 0xff),
      Buffer.concat([Buffer.alloc(1), bytes]),
      bytes.subarray(1),
    ])
    return `${header}.${payload}.${other.toString('base64url')}`
  },
]

function replaceAt(text: string, at: number, change: (unit: string) => string): string {
  return `${text.slice(0, at)}${change(text.charAt(at))}${text.slice(at + 1)}`
}

function segmentwise(token: string, random: Random, change: (segment: string) => string): string {
  const parts = token.split('.')
  const at = random.below(parts.length)
  parts[at] = change(parts[at] ?? '')
  return parts.join('.')
}

/** Another last letter that decodes to the same bytes, where there is one. */
function withSpareBits(segment: string, random: Random): string {
  const spare = [0, 0, 16, 4][segment.length % 4] ?? 0
  const last = BASE64URL.indexOf(segment.charAt(segment.length - 1))
  return spare === 0 || last === -1 ? segment : segment.slice(0, -1) + BASE64URL.charAt((last & ~(spare - 1)) | random.below(spare))
}

function recombined(token: string, other: string, random: Random): string {
  const [mine, others] = [token.split('.'), other.split('.')]
  const at = random.below(3)
  mine[at] = others[at] ?? ''
  return mine.join('.')
}
