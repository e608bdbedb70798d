import { replaced } from './guide.js'
import type { ProxyKind } from './proxy.js'

/** X509_V_ERR_CERT_HAS_EXPIRED of OpenSSL. */
const EXPIRED = '10'

export const haproxy: ProxyKind = {
  name: 'haproxy',
  language: 'haproxy',
  configure: (block, { ingress, port, servicePort }) => `
global
  nbthread 1
${replaced(block, { '/etc/ingress/': `${ingress}/`, 'bind :443 ': `bind 127.0.0.1:${port} `, 'orders.internal:8443': `127.0.0.1:${servicePort}` })}
`,
  args: ({ config }) => ['-db', '-f', config],
  expected: (evidence): Record<string, string> =>
    evidence === null
      ? { 'X-SSL-Client-Used': '0', 'X-SSL-Client-Verify': '0' }
      : {
          'X-SSL-Client-Cert': Buffer.from(evidence.certificateDer).toString('base64'),
          'X-SSL-Client-Used': '1',
          'X-SSL-Client-Verify': evidence.verified === true ? '0' : EXPIRED,
        },
  lenient: { 'verify optional ': 'verify optional ca-ignore-err all crt-ignore-err all ' },
}
