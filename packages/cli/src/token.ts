import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseSpiffeId } from '@countersign/core'
import { createTokenSigner } from '@countersign/issuer'
import { parseCertificate, pemBlocks } from '@countersign/x509'
import { devIssuer, readSigningKey } from './dev-files.js'
import { readArguments, readInteger, refusePositionals } from './read-arguments.js'
import { CommandError, printable, type Terminal, UsageError } from './terminal.js'

/** Shown by `countersign token --help`. */
export const TOKEN_HELP = `countersign token --for NAME --audience NAME [options]

Signs a development token with issuer-key.pem and writes it to standard output. It is bound to the certificate in NAME.pem: it
works only over a connection made with that certificate (RFC 8705).

  --for NAME             the service that NAME.pem belongs to
  --audience NAME        aud: the service that the token is for; may be repeated
  --scope 'A B'          scope; default: none
  --expires SECONDS      1 to 3600; default 3600
  --issuer URL           iss; default https://issuer.TRUST-DOMAIN
  --in DIR               where countersign dev wrote; default: this folder
  --unbound              not bound: works for whoever holds it
`

const MAX_SECONDS = 3600

/** `countersign token`. */
export function runToken(args: readonly string[], terminal: Terminal): void {
  const { values, positionals } = readArguments(args, {
    for: { type: 'string' },
    audience: { type: 'string', multiple: true },
    scope: { type: 'string' },
    expires: { type: 'string', default: String(MAX_SECONDS) },
    issuer: { type: 'string' },
    in: { type: 'string', default: '.' },
    unbound: { type: 'boolean', default: false },
  })
  refusePositionals(positionals)
  const [name, audiences] = [values.for, values.audience ?? []]
  if (name === undefined || name === '') throw new UsageError('--for is missing: countersign token --for orders --audience billing')
  if (audiences.length === 0 || audiences.includes(''))
    throw new UsageError('--audience is missing: countersign token --for orders --audience billing')
  if (!/^[a-zA-Z0-9][a-zA-Z0-9._-]*$/.test(name)) throw new UsageError('--for takes the name of a service, such as orders')
  const folder = resolve(terminal.folder, values.in)
  const { certificateDer, subject, trustDomain } = readService(folder, name)
  const signer = createTokenSigner({
    issuer: values.issuer ?? devIssuer(trustDomain),
    key: readSigningKey(join(folder, 'issuer-key.pem')),
    clock: { nowMs: terminal.nowMs },
  })
  const token = signer.sign({
    subject,
    audience: audiences.length === 1 ? (audiences[0] ?? '') : audiences,
    expiresInSeconds: readInteger('--expires', values.expires, 1, MAX_SECONDS),
    ...(values.scope === undefined ? {} : { scope: values.scope }),
    ...(values.unbound ? {} : { boundTo: { certificateDer } }),
  })
  terminal.write(`${token}\n`)
}

function readService(
  folder: string,
  name: string,
): { readonly certificateDer: Uint8Array; readonly subject: string; readonly trustDomain: string } {
  let certificateDer: Uint8Array | undefined
  try {
    certificateDer = pemBlocks(readFileSync(join(folder, `${name}.pem`), 'utf8'), 'CERTIFICATE')?.[0]
  } catch {
    throw new CommandError(`${printable(name)}.pem is not there or cannot be read: countersign dev --for ${printable(name)} makes it`)
  }
  if (certificateDer === undefined) throw new CommandError(`${printable(name)}.pem holds no certificate`)
  const id = parseSpiffeId(parseCertificate(certificateDer).spiffeId ?? '')
  if (id === null) throw new CommandError(`the certificate in ${printable(name)}.pem has no SPIFFE ID, so the token has no subject`)
  return { certificateDer, subject: id.text, trustDomain: id.trustDomain }
}
