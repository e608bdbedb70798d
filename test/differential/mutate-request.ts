import type { CertificateKind } from '../conformance/certificates.js'
import type { Field } from '../conformance/raw-http1.js'
import type { Tokens } from '../conformance/tokens.js'
import { mutateTarget } from './mutate-target.js'
import { mutateToken } from './mutate-token.js'
import type { Random } from './random.js'

/** A request, or several in one go, that came out of the generator. */
export interface Generated {
  /** `null`: no certificate. */
  readonly certificate: CertificateKind | null
  readonly bytes: Buffer
  /** Of the requests in `bytes` that a parser may find, in order. */
  readonly methods: readonly string[]
  /** What is odd about it, for the report. */
  readonly traits: readonly string[]
}

export const CERTIFICATES: readonly (CertificateKind | null)[] = [
  ...new Array<CertificateKind>(12).fill('orders'),
  'shipping',
  'stranger',
  null,
  'expired',
  'self-signed',
  'unknown-ca',
  'for-servers',
  'two-spiffe-ids',
]
export const METHODS = [
  'GET',
  'GET',
  'GET',
  'GET',
  'POST',
  'POST',
  'HEAD',
  'PUT',
  'DELETE',
  'OPTIONS',
  'PATCH',
  'PROPFIND',
  'TRACE',
  'MKCOL',
]
export const ODD_METHODS = ['get', 'GE T', 'FOO', 'G\u00cbT', '', 'CONNECT', 'PRI']
export const HOST = 'billing.prod.example'
export const ODD_HOSTS = [
  'evil.example',
  'evil.example:8443',
  'shipping.prod.example',
  `${HOST}.evil.example`,
  `x${HOST}`,
  `${HOST}.`,
  `${HOST.toUpperCase()}:8443`,
  `${HOST}:8443:8443`,
  `x@${HOST}`,
  `${HOST}:x`,
  `${HOST} `,
  `${HOST},evil.example`,
  '',
  '127.0.0.1:8443',
  '[::1]:8443',
  `${HOST}/admin`,
  `${HOST}\\admin`,
  'localhost',
  `${HOST}:`,
]
export const EXTRA: readonly Field[] = [
  ['X-HTTP-Method-Override', 'DELETE'],
  ['X-Original-URL', '/health'],
  ['X-Rewrite-URL', '/health'],
  ['X-Forwarded-Host', 'evil.example'],
  ['X-Forwarded-Client-Cert', 'URI=spiffe://prod.example/orders'],
  ['Forwarded', 'for=127.0.0.1;host=evil.example'],
  ['Cookie', 'a=b; access_token=x'],
  ['Proxy-Authorization', 'Bearer x'],
  ['Authorization ', 'Bearer x'],
  ['X-Authorization', 'Bearer x'],
  ['Accept', 'text/html'],
  ['Accept-Version', '2'],
  ['Connection', 'keep-alive, Authorization'],
  ['Connection', 'Upgrade'],
  ['Upgrade', 'websocket'],
  ['TE', 'trailers'],
  ['Expect', '200-maybe'],
  ['Content-Type', 'application/json'],
  ['__proto__', 'x'],
  ['constructor', 'x'],
  ['X-Nul', 'a\0b'],
  ['X-Latin', 'caf\u00e9'],
  ['X-Long', 'x'.repeat(9000)],
  ['X-Longer', 'x'.repeat(17_000)],
]

/** Makes one request out of the seed's numbers. */
export function mutateRequest(random: Random, tokens: Tokens): Generated {
  const traits: string[] = []
  const certificate = random.pick(CERTIFICATES)
  if (random.percent(6)) {
    traits.push('pipelined')
    const parts = [one(random, tokens, traits, 'HTTP/1.1'), one(random, tokens, traits, 'HTTP/1.1')]
    return { certificate, bytes: Buffer.concat(parts.map(({ bytes }) => bytes)), methods: parts.map(({ method }) => method), traits }
  }
  const { bytes, method } = one(random, tokens, traits)
  return { certificate, bytes, methods: [method], traits }
}

/** @param only a version that there must be: after a request that ends its connection, Node may drop an answer that is not out yet. */
function one(random: Random, tokens: Tokens, traits: string[], only: string | null = null): { bytes: Buffer; method: string } {
  // Half of them are odd in one way at most, so that what lies behind the parser is met too.
  const calm = random.percent(50) ? 0.15 : 1
  const method = odd(3, 'method') ? random.pick(ODD_METHODS) : random.pick(METHODS)
  const target = mutateTarget(random)
  const fields: Field[] = [['Host', odd(16, 'host') ? random.pick(ODD_HOSTS) : `${HOST}:8443`]]
  if (odd(3, 'no host')) fields.length = 0
  if (odd(3, 'two hosts')) fields.push(['host', random.pick(ODD_HOSTS)])
  if (random.percent(70)) fields.push([spelling('Authorization'), mutateToken(random, tokens)])
  if (odd(5, 'two tokens')) fields.push([spelling('Authorization'), mutateToken(random, tokens)])
  if (odd(20, 'extra field')) fields.push(random.pick(EXTRA))
  if (odd(20, 'other order')) fields.reverse()
  const { framing, body } = bodyOf(method)
  const version = only ?? (odd(3, 'version') ? random.pick(['HTTP/1.0', 'HTTP/1.2', 'HTTP/2.0', 'HTTP/0.9', 'http/1.1', '']) : 'HTTP/1.1')
  const lineEnd = odd(2, 'line ends') ? random.pick(['\n', '\r', '\r\r\n']) : '\r\n'
  const lines = [
    `${method}${odd(2, 'space') ? '  ' : ' '}${target} ${version}`,
    ...fields.map(lineOf),
    ...framing.map(([name, value]) => `${name}: ${value}`),
    '',
    '',
  ]
  return { method, bytes: Buffer.from(lines.join(lineEnd) + body, 'latin1') }

  function odd(share: number, trait: string): boolean {
    const is = random.percent(share * calm)
    if (is) traits.push(trait)
    return is
  }

  function spelling(name: string): string {
    return random.percent(70) ? name : random.pick([name.toLowerCase(), name.toUpperCase(), 'aUTHORIZATION'])
  }

  function lineOf([name, value]: Field): string {
    if (odd(2, 'folded line')) return `${name}:\r\n ${value}`
    if (odd(2, 'space before colon')) return `${name} : ${value}`
    return random.percent(85) ? `${name}: ${value}` : random.pick([`${name}:${value}`, `${name}:\t${value}\t`, `${name}:   ${value}  `])
  }

  /** Bodies are whole, or the next request would be waited for in vain: what looks like a request inside of one must not be taken for one. */
  function bodyOf(of: string): { framing: Field[]; body: string } {
    if (!(of === 'POST' || of === 'PUT' || of === 'PATCH' || odd(3, 'unusual body'))) return { framing: [], body: '' }
    const inner = `GET /health HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`
    const length: Field = ['Content-Length', String(inner.length)]
    const chunked = `${inner.length.toString(16)}\r\n${inner}\r\n0\r\n\r\n`
    if (!odd(25, 'framing'))
      return random.percent(50) ? { framing: [length], body: inner } : { framing: [['Transfer-Encoding', 'chunked']], body: chunked }
    switch (random.below(8)) {
      case 0:
        return { framing: [length, ['Transfer-Encoding', 'chunked']], body: chunked }
      case 1:
        return { framing: [length, ['content-length', '0']], body: inner }
      case 2:
        return { framing: [['Content-Length', `+${inner.length}`]], body: inner }
      case 3:
        return { framing: [['Content-Length', `${inner.length}, ${inner.length}`]], body: inner }
      case 4:
        return { framing: [['Transfer-Encoding', 'chunked, identity']], body: chunked }
      case 5:
        return { framing: [['Transfer-Encoding', 'xchunked']], body: chunked }
      case 6:
        return { framing: [['Transfer-Encoding ', 'chunked'], length], body: inner }
      default:
        return {
          framing: [['Transfer-Encoding', 'chunked']],
          body: `${inner.length.toString(16)};ext="x"\r\n${inner}\r\n0\r\nAuthorization: Bearer x\r\n\r\n`,
        }
    }
  }
}
