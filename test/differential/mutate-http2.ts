import type { CertificateKind } from '../conformance/certificates.js'
import type { Field } from '../conformance/raw-http1.js'
import type { Tokens } from '../conformance/tokens.js'
import { CERTIFICATES, EXTRA, HOST, METHODS, ODD_HOSTS, ODD_METHODS } from './mutate-request.js'
import { mutateTarget } from './mutate-target.js'
import { mutateToken } from './mutate-token.js'
import type { Random } from './random.js'

/** A list of fields for one stream, pseudo-fields among them, as it came out of the generator. */
export interface GeneratedHttp2 {
  readonly certificate: CertificateKind | null
  readonly fields: readonly Field[]
}

// Koa 2 never answers HEAD over HTTP/2.
const ANSWERED = METHODS.filter((method) => method !== 'HEAD')

export function mutateHttp2(random: Random, tokens: Tokens): GeneratedHttp2 {
  const calm = random.percent(50) ? 0.15 : 1
  const odd = (share: number): boolean => random.percent(share * calm)
  const fields: Field[] = [
    [':method', odd(3) ? random.pick(ODD_METHODS) : random.pick(ANSWERED)],
    [':scheme', odd(5) ? random.pick(['http', 'HTTPS', 'ftp', '', 'foo']) : 'https'],
    [':authority', odd(14) ? random.pick(ODD_HOSTS) : `${HOST}:8443`],
    [':path', mutateTarget(random)],
  ]
  if (odd(4)) fields.splice(random.below(4), 1)
  if (odd(3)) fields.push(random.pick(fields.length === 0 ? EXTRA : fields))
  if (odd(2)) fields.push([':protocol', 'websocket'])
  if (odd(8)) fields.push(['host', random.percent(50) ? `${HOST}:8443` : random.pick(ODD_HOSTS)])
  if (random.percent(70)) fields.push([odd(3) ? 'Authorization' : 'authorization', mutateToken(random, tokens)])
  if (odd(6)) fields.push(['authorization', mutateToken(random, tokens)])
  if (odd(15)) {
    const [name, value] = random.pick(EXTRA)
    fields.push([odd(20) ? name : name.toLowerCase().trim(), value])
  }
  if (odd(3)) fields.reverse()
  return { certificate: random.pick(CERTIFICATES), fields }
}
