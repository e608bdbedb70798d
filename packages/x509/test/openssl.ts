import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** A PKI made by the openssl command alone, so that nothing of ours is on both sides of a test. */
export interface OpensslPki {
  readonly root: string
  readonly middle: string
  /** PEM of a leaf that the intermediate issued. */
  leaf(name: string, options?: LeafOptions): string
  /** PEM of the intermediate's CRL. */
  crl(name: string, options?: { readonly from?: string; readonly to?: string }): string
  revoke(name: string): void
  /** Does `openssl verify` take this leaf for a TLS client, at the time of the tests? */
  accepts(name: string, withMiddle: boolean): boolean
}

export interface LeafOptions {
  readonly key?: readonly string[]
  readonly extensions?: readonly string[]
  readonly subject?: string
  readonly digest?: string
  readonly to?: string
}

const FROM = '20260101000000Z'
const TO = '20280101000000Z'
const AT = String(Date.parse('2026-11-23T12:00:00Z') / 1000)
const EC = ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256']
const LEAF = ['basicConstraints=critical,CA:FALSE', 'keyUsage=critical,digitalSignature', 'extendedKeyUsage=clientAuth,serverAuth']

export function createOpensslPki(folder: string): OpensslPki {
  const at = (file: string): string => join(folder, file)
  const run = (...args: readonly string[]): string =>
    execFileSync('openssl', args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })

  for (const ca of ['root', 'middle']) {
    writeFileSync(at(`${ca}.db`), '')
    writeFileSync(at(`${ca}.db.attr`), 'unique_subject = no\n')
    writeFileSync(at(`${ca}.serial`), '0f00000000000001\n')
    writeFileSync(at(`${ca}.crlnumber`), '01\n')
  }
  const section = (ca: string): string =>
    [
      `[${ca}]`,
      `database=${ca}.db`,
      `serial=${ca}.serial`,
      `crlnumber=${ca}.crlnumber`,
      'new_certs_dir=.',
      `certificate=${ca}.pem`,
      `private_key=${ca}.key`,
      'default_md=sha256',
      'policy=any',
      'crl_extensions=crl',
      'email_in_dn=yes',
    ].join('\n')
  const fixed = `[req]\ndistinguished_name=dn\n[dn]\n[any]\ncommonName=optional\norganizationName=optional\n[crl]\nauthorityKeyIdentifier=keyid\n`
  writeFileSync(at('ca.cnf'), `${section('root')}\n${section('middle')}\n${fixed}`)

  function issue(ca: string, name: string, options: LeafOptions & { readonly extensions: readonly string[] }): string {
    const { key = EC, subject = `/O=Shop/CN=${name}`, digest = 'sha256', to = TO, extensions } = options
    run('genpkey', ...key, '-out', `${name}.key`)
    run('req', '-new', '-config', 'ca.cnf', '-key', `${name}.key`, '-subj', subject, '-utf8', '-out', `${name}.csr`)
    const ids = ['subjectKeyIdentifier=hash', ...(ca === name ? [] : ['authorityKeyIdentifier=keyid'])]
    writeFileSync(at(`${name}.ext`), `[ext]\n${[...ids, ...extensions].join('\n')}\n`)
    const signing = ca === name ? ['-selfsign', '-keyfile', `${name}.key`] : []
    const files = ['-in', `${name}.csr`, '-out', `${name}.pem`, '-extfile', `${name}.ext`, '-extensions', 'ext']
    run(
      'ca',
      '-batch',
      '-notext',
      '-config',
      'ca.cnf',
      '-name',
      ca,
      ...signing,
      '-md',
      digest,
      '-startdate',
      FROM,
      '-enddate',
      to,
      ...files,
    )
    return readFileSync(at(`${name}.pem`), 'utf8')
  }

  const authority = ['basicConstraints=critical,CA:TRUE', 'keyUsage=critical,keyCertSign,cRLSign']
  const root = issue('root', 'root', { key: ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-384'], extensions: authority })
  const middle = issue('root', 'middle', { key: ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048'], extensions: authority })

  return {
    root,
    middle,
    leaf: (name, options = {}) =>
      issue('middle', name, {
        ...options,
        extensions: options.extensions ?? [...LEAF, `subjectAltName=URI:spiffe://prod.example/${name}`],
      }),
    crl(name, { from = '20261122000000Z', to = '20261124000000Z' } = {}) {
      run('ca', '-gencrl', '-config', 'ca.cnf', '-name', 'middle', '-crl_lastupdate', from, '-crl_nextupdate', to, '-out', `${name}.crl`)
      return readFileSync(at(`${name}.crl`), 'utf8')
    },
    revoke(name) {
      run('ca', '-config', 'ca.cnf', '-name', 'middle', '-revoke', `${name}.pem`)
    },
    accepts(name, withMiddle) {
      const untrusted = withMiddle ? ['-untrusted', 'middle.pem'] : []
      try {
        run('verify', '-purpose', 'sslclient', '-auth_level', '2', '-attime', AT, '-CAfile', 'root.pem', ...untrusted, `${name}.pem`)
        return true
      } catch {
        return false
      }
    },
  }
}

export { LEAF as LEAF_EXTENSIONS }
