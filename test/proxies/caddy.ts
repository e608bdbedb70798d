import { replaced } from './guide.js'
import type { ProxyKind } from './proxy.js'

export const caddy: ProxyKind = {
  name: 'caddy',
  language: 'caddyfile',
  format: 'caddy',
  configure: (block, { ingress, port, servicePort }) => `
{
  admin off
  auto_https disable_redirects
  skip_install_trust
  default_bind 127.0.0.1
}
${replaced(block, { '/etc/ingress/': `${ingress}/`, 'shop.example {': `https://shop.example:${port} {`, 'orders.internal:8443': `127.0.0.1:${servicePort}` })}
`,
  args: ({ config }) => ['run', '--config', config, '--adapter', 'caddyfile'],
  fields: (evidence) => ({
    'X-Client-Cert': evidence === null ? '' : Buffer.from(evidence.certificateDer).toString('base64'),
  }),
  lenient: { 'mode verify_if_given': 'mode request' },
  refusesItself: [],
}
