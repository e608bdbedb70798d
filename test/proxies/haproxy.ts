import { replaced } from './guide.js'
import type { ProxyKind } from './proxy.js'

/** X509_V_ERR_… of OpenSSL: CERT_HAS_EXPIRED, UNABLE_TO_VERIFY_LEAF_SIGNATURE. */
const OPENSSL_NUMBERS = { expired: '10', 'unknown-authority': '21' }

export const haproxy: ProxyKind = {
  name: 'haproxy',
  language: 'haproxy',
  beginning: 'defaults',
  format: 'haproxy',
  configure: (block, { ingress, port, servicePort }) => `
global
  nbthread 1
${replaced(block.replaceAll('/etc/ingress/', `${ingress}/`), { 'bind :443': `bind 127.0.0.1:${port}`, 'orders.internal:8443': `127.0.0.1:${servicePort}` })}
`,
  args: ({ config }) => ['-db', '-f', config],
  fields: (evidence): Record<string, string> =>
    evidence === null
      ? { 'x-ssl-client-used': '0', 'x-ssl-client-verify': '0' }
      : {
          'x-ssl-client-cert': Buffer.from(evidence.certificateDer).toString('base64'),
          'x-ssl-client-used': '1',
          'x-ssl-client-verify': evidence.fault === null ? '0' : OPENSSL_NUMBERS[evidence.fault],
        },
  lenient: { 'verify optional ': 'verify optional ca-ignore-err all crt-ignore-err all ' },
  refusesItself: [],
}
