import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'

/** A certificate and its key, in PEM and as files. */
export interface Credential {
  readonly id: string
  readonly cert: string
  readonly key: string
  readonly certFile: string
  readonly keyFile: string
}

/** A CA of which openssl does everything, so that nothing of ours is on both sides of a test. */
export interface OpensslAuthority {
  readonly ca: Credential
  /** @param places Lines of extensions that say where CRLs and OCSP are. */
  issue(name: string, places?: readonly string[]): Credential
  /** A responder that the CA certified; `purpose` says for what. */
  issueResponder(name: string, purpose: string): Credential
  revoke(credential: Credential): void
  /** PEM of a CRL, by `openssl ca -gencrl`. */
  crl(): string
  /** The answer of `openssl ocsp` to one request. */
  answer(request: Uint8Array, signer: Credential, flags?: readonly string[]): Uint8Array
  /** Arguments of `openssl ocsp` as a server. */
  readonly responderArguments: readonly string[]
}

const CONFIG = (name: string): string => `[req]
distinguished_name = dn
[dn]
[ca]
default_ca = the_ca
[the_ca]
database = index.txt
serial = serial
crlnumber = crlnumber
new_certs_dir = .
certificate = ca.pem
private_key = ca.key
default_md = sha256
default_crl_days = 1
policy = any
unique_subject = no
crl_extensions = crl
[any]
commonName = supplied
organizationName = optional
[crl]
authorityKeyIdentifier = keyid
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
# ${name}
`

/** Makes a CA in a folder that is gone after the tests of the file. */
export function createOpensslAuthority(name: string): OpensslAuthority {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-revocation-'))
  after(() => rmSync(folder, { recursive: true, force: true }))
  const at = (file: string): string => join(folder, file)
  const run = (...args: readonly string[]): string =>
    execFileSync('openssl', args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })

  writeFileSync(at('openssl.cnf'), CONFIG(name))
  writeFileSync(at('index.txt'), '')
  writeFileSync(at('serial'), '8f00000000000001\n')
  writeFileSync(at('crlnumber'), '01\n')
  run(
    'req',
    '-x509',
    '-config',
    'openssl.cnf',
    '-extensions',
    'authority',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-days',
    '30',
    '-subj',
    `/CN=${name}`,
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
  )

  function credential(file: string, id: string): Credential {
    const [certFile, keyFile] = [at(`${file}.pem`), at(`${file}.key`)]
    return { id, cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8'), certFile, keyFile }
  }

  function issue(file: string, id: string, extensions: readonly string[]): Credential {
    run(
      'req',
      '-new',
      '-config',
      'openssl.cnf',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-subj',
      `/CN=${file}`,
      '-keyout',
      `${file}.key`,
      '-out',
      `${file}.csr`,
    )
    writeFileSync(at(`${file}.ext`), ['[ext]', 'subjectKeyIdentifier = hash', 'authorityKeyIdentifier = keyid', ...extensions].join('\n'))
    run(
      'ca',
      '-batch',
      '-notext',
      '-config',
      'openssl.cnf',
      '-in',
      `${file}.csr`,
      '-out',
      `${file}.pem`,
      '-days',
      '20',
      '-extfile',
      `${file}.ext`,
      '-extensions',
      'ext',
    )
    return credential(file, id)
  }

  return {
    ca: credential('ca', name),
    issue(file, places = []) {
      const id = `spiffe://prod.example/${file}`
      return issue(file, id, [
        'basicConstraints = critical, CA:FALSE',
        'keyUsage = critical, digitalSignature',
        'extendedKeyUsage = clientAuth, serverAuth',
        `subjectAltName = URI:${id}, DNS:localhost, IP:127.0.0.1`,
        ...places,
      ])
    },
    issueResponder: (file, purpose) =>
      issue(file, file, [
        'basicConstraints = critical, CA:FALSE',
        'keyUsage = critical, digitalSignature',
        `extendedKeyUsage = ${purpose}`,
        'noCheck = ignored',
      ]),
    revoke: ({ certFile }) => void run('ca', '-config', 'openssl.cnf', '-revoke', certFile),
    crl() {
      run('ca', '-gencrl', '-config', 'openssl.cnf', '-out', 'ca.crl')
      return readFileSync(at('ca.crl'), 'utf8')
    },
    answer(request, signer, flags = ['-nmin', '5']) {
      writeFileSync(at('request.der'), request)
      run(
        'ocsp',
        '-index',
        'index.txt',
        '-CA',
        'ca.pem',
        '-rsigner',
        signer.certFile,
        '-rkey',
        signer.keyFile,
        '-reqin',
        'request.der',
        '-respout',
        'response.der',
        ...flags,
      )
      return new Uint8Array(readFileSync(at('response.der')))
    },
    responderArguments: ['ocsp', '-port', '0', '-index', at('index.txt'), '-CA', at('ca.pem'), '-nmin', '5'],
  }
}
