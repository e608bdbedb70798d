import type { Lines } from './client.js'
import type { ProxyKind } from './proxy.js'

/** Every way in which a client may try to get a certificate of its own choice through, by what is odd about it. */
export type Forgery = keyof ReturnType<typeof forgeriesFor>

/**
 * Header lines of a client that wants to be taken for the owner of a certificate. It needs no key for this: certificates are public, and
 * the one it sends is good.
 */
export function forgeriesFor(kind: ProxyKind, certificateDer: Uint8Array) {
  const fields = kind.fields({ certificateDer, fault: null })
  const names = Object.keys(fields)
  const values = Object.values(fields)
  const spelled = (spell: (name: string) => string): Lines => names.map((name, i) => `${spell(name)}: ${values[i]}`)
  const [certificate = '', ...verdicts] = names
  const [value = ''] = values
  return {
    'the same name': spelled((name) => name),
    'in lower case': spelled((name) => name.toLowerCase()),
    'in upper case': spelled((name) => name.toUpperCase()),
    'with underscores': spelled((name) => name.replaceAll('-', '_')),
    'with one underscore': spelled((name) => name.replace(/-(?=[^-]+$)/, '_')),
    'with dots': spelled((name) => name.replaceAll('-', '.')),
    'on two lines': [...spelled((name) => name), ...spelled((name) => name)],
    'in two spellings': [...spelled((name) => name), ...spelled((name) => name.replaceAll('-', '_'))],
    'after an empty line of its name': [...names.map((name) => `${name}:`), ...spelled((name) => name)],
    'with a space before the colon': spelled((name) => `${name} `),
    'with its value folded': [`${certificate}:`, ` ${value}`, ...spelled((name) => name).slice(1)],
    'folded into another field': ['X-Other: 1', ...spelled((name) => ` ${name}`)],
    'with all fields named by Connection': [`Connection: close, ${names.join(', ')}`, ...spelled((name) => name)],
    'with the verdict named by Connection': [
      `Connection: close${verdicts.map((name) => `, ${name}`).join('')}`,
      ...spelled((name) => name),
    ],
    'as its own issuer': issuers(certificateDer),
    'in the formats of other proxies': otherFormats(certificateDer),
  } as const satisfies Record<string, Lines>
}

/** Fields of the same formats that the proxies of the guide do not write, but take off. */
function issuers(certificateDer: Uint8Array): Lines {
  const base64 = Buffer.from(certificateDer).toString('base64')
  return [
    `X-SSL-Client-Chain: ${base64}`,
    `SSL_CLIENT_CERT_CHAIN_0: -----BEGIN CERTIFICATE----- ${base64} -----END CERTIFICATE-----`,
    'X-Client-Cert-Fingerprint: 00',
  ]
}

/** The fields of every other format that this house reads. */
function otherFormats(certificateDer: Uint8Array): Lines {
  const base64 = Buffer.from(certificateDer).toString('base64')
  const pem = encodeURIComponent(`-----BEGIN CERTIFICATE-----\n${base64.match(/.{1,64}/g)?.join('\n')}\n-----END CERTIFICATE-----\n`)
  const id = 'spiffe://prod.example/admin'
  return [
    `Client-Cert: :${base64}:`,
    `X-Forwarded-Client-Cert: By=spiffe://prod.example/orders;Cert="${pem}";URI=${id}`,
    `L5d-Client-Id: ${id}`,
    `Ssl-Client-Cert: ${pem}`,
    'Ssl-Client-Verify: SUCCESS',
    `X-Forwarded-Tls-Client-Cert: ${base64}`,
    `X-Client-Cert: ${base64}`,
    `X-Amzn-Mtls-Clientcert-Leaf: ${pem}`,
    `X-Amzn-Mtls-Clientcert: ${pem}`,
    `X-ARR-ClientCert: ${base64}`,
    `Cf-Client-Cert-Der-Base64: ${base64}`,
    'Cf-Cert-Verified: true',
  ]
}
