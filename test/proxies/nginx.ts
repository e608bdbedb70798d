import { X509Certificate } from 'node:crypto'
import { replaced } from './guide.js'
import { OPENSSL_TEXTS, type ProxyKind } from './proxy.js'

export const nginx: ProxyKind = {
  name: 'nginx',
  language: 'nginx',
  format: 'nginx',
  configure: (block, { folder, ingress, port, servicePort }) => `
daemon off;
${process.getuid?.() === 0 ? 'user root;' : ''}
pid ${folder}/pid;
error_log ${folder}/output;
worker_processes 1;
events {}
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
${replaced(block, { '/etc/ingress/': `${ingress}/`, 'listen 443 ': `listen 127.0.0.1:${port} `, 'orders.internal:8443': `127.0.0.1:${servicePort}` })}
}
`,
  args: ({ folder, config }) => ['-p', folder, '-c', config, '-e', `${folder}/output`],
  fields: (evidence): Record<string, string> =>
    evidence === null
      ? { 'X-SSL-Client-Verify': 'NONE' }
      : {
          'X-SSL-Client-Cert': encodeURIComponent(new X509Certificate(evidence.certificateDer).toString()),
          'X-SSL-Client-Verify': evidence.fault === null ? 'SUCCESS' : `FAILED:${OPENSSL_TEXTS[evidence.fault]}`,
        },
  lenient: { 'ssl_verify_client      optional;': 'ssl_verify_client optional_no_ca;' },
  refusesItself: ['expired'],
}
