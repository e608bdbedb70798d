import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createDevAuthority, type IssuedCertificate, writeCredential } from '@countersign/issuer'

/** A folder as `countersign dev --for billing,orders` writes it, and what a test needs beside it. */
export interface Credentials {
  readonly folder: string
  readonly ca: string
  /** A certificate of the mesh. */
  workload(name: string): IssuedCertificate
  /** A certificate of an authority that nobody trusts, with the same name in it. */
  stranger(name: string): IssuedCertificate
  remove(): void
}

export function createCredentials(trustDomain = 'prod.example'): Credentials {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-example-'))
  const authority = createDevAuthority({ trustDomain })
  const other = createDevAuthority({ trustDomain })
  const names = (name: string) => ({ spiffeId: `spiffe://${trustDomain}/${name}`, dns: [name, 'localhost'], ip: ['127.0.0.1'] })
  writeFileSync(join(folder, 'ca.pem'), authority.certificatePem)
  writeCredential(folder, 'billing', authority.issue(names('billing')))
  return {
    folder,
    ca: authority.certificatePem,
    workload: (name) => authority.issue(names(name)),
    stranger: (name) => other.issue(names(name)),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}
