import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createTestClock, type TestClock } from '@countersign/testing'
import { type Certificates, createCertificates } from './certificates.js'
import { createKeys, type Keys } from './keys.js'
import { createCallerKey, createProofs, type Proofs } from './proofs.js'
import { createHandedSessions, type HandedSessions } from './sessions.js'
import { createTokens, type Tokens } from './tokens.js'

/** What every row of one run stands on: authorities, certificates, tokens, the time, and a folder for CRLs and Unix sockets. */
export interface World {
  readonly clock: TestClock
  readonly certificates: Certificates
  readonly tokens: Tokens
  readonly sessions: HandedSessions
  readonly keys: Keys
  readonly proofs: Proofs
  /** With `root.pem`, `plain.pem`, `jwks.json`, `keys.json`, and `other.json` with the keys of somebody else. */
  readonly folder: string
  /** A CRL of the root, in a file: with the revoked certificate in it, and one that has run out. */
  readonly crlFile: string
  readonly oldCrlFile: string
  /** A CRL of the intermediate, without one of the root. */
  readonly intermediateCrlFile: string
  readonly serverCertificateFile: string
  readonly serverKeyFile: string
  close(): void
}

export function createWorld(): World {
  const clock = createTestClock()
  const certificates = createCertificates(clock)
  const folder = mkdtempSync(join(tmpdir(), 'cs-'))
  const hoursAgo = (hours: number): Date => new Date(clock.nowMs() - hours * 3_600_000)
  const write = (name: string, pem: string): string => {
    writeFileSync(join(folder, name), pem)
    return join(folder, name)
  }
  const revoked = [{ serialNumber: certificates.of('revoked').serialNumber, revokedAt: hoursAgo(1) }]
  const callerKey = createCallerKey(clock)
  const tokens = createTokens(certificates, callerKey, clock)
  const sessions = createHandedSessions(clock)
  const keys = createKeys(clock)
  write('root.pem', certificates.root.certificatePem)
  write('plain.pem', certificates.plainRoot.certificatePem)
  write('jwks.json', JSON.stringify({ keys: tokens.jwks }))
  write('keys.json', JSON.stringify({ keys: keys.records }))
  write('other.json', JSON.stringify({ keys: tokens.strangersJwks }))
  return {
    clock,
    certificates,
    tokens,
    sessions,
    keys,
    proofs: createProofs(tokens, callerKey, clock),
    folder,
    crlFile: write('root.crl', certificates.root.revocationList({ revoked })),
    intermediateCrlFile: write('intermediate.crl', certificates.intermediate.revocationList({ revoked: [] })),
    oldCrlFile: write('old.crl', certificates.root.revocationList({ revoked, thisUpdate: hoursAgo(10), nextUpdate: hoursAgo(5) })),
    serverCertificateFile: write('server.pem', certificates.serverCredential.chainPem),
    serverKeyFile: write('server-key.pem', certificates.serverCredential.keyPem),
    close() {
      sessions.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
