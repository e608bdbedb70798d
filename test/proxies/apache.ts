import { X509Certificate } from 'node:crypto'
import { replaced } from './guide.js'
import { OPENSSL_TEXTS, type ProxyKind } from './proxy.js'

const MODULES = ['mpm_event', 'authz_core', 'socache_shmcb', 'ssl', 'headers', 'proxy', 'proxy_http', 'http2']
const FOLDER = '/usr/lib/apache2/modules'

/** What Apache writes where a variable has no value. */
const ABSENT = '(null)'

export const apache: ProxyKind = {
  name: 'apache2',
  language: 'apache',
  format: 'apache',
  configure: (block, { folder, ingress, port, servicePort }) => `
${MODULES.map((name) => `LoadModule ${name}_module ${FOLDER}/mod_${name}.so`).join('\n')}
ServerRoot ${folder}
PidFile ${folder}/pid
ErrorLog ${folder}/output
DefaultRuntimeDir ${folder}
${process.getuid?.() === 0 ? 'User www-data\nGroup www-data' : ''}
Mutex file:${folder} default
StartServers 1
ServerLimit 1
ThreadsPerChild 16
MaxRequestWorkers 16
Listen 127.0.0.1:${port}
${replaced(block, { '/etc/ingress/': `${ingress}/`, '*:443': `127.0.0.1:${port}`, 'orders.internal:8443': `localhost:${servicePort}` })}
`,
  args: ({ folder, config }) => ['-D', 'FOREGROUND', '-d', folder, '-f', config],
  fields: (evidence): Record<string, string> =>
    evidence === null
      ? { 'X-SSL-Client-Cert': ABSENT, 'X-SSL-Client-Verify': 'NONE' }
      : {
          'X-SSL-Client-Cert': new X509Certificate(evidence.certificateDer).toString().trimEnd().replaceAll('\n', ' '),
          'X-SSL-Client-Verify': evidence.fault === null ? 'SUCCESS' : `FAILED:${OPENSSL_TEXTS[evidence.fault]}`,
        },
  lenient: { 'SSLVerifyClient optional': 'SSLVerifyClient optional_no_ca' },
  refusesItself: ['expired'],
}
