import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { NOW_MS } from './certificate.js'
import { armor } from './der.js'
import type { World } from './world.js'

export interface OpensslVerdict {
  readonly accepted: boolean
  /** Numbers of X509_V_ERR_…; none where the certificate or one that it needs could not be read. */
  readonly errors: readonly number[]
}

const PURPOSE = { client: 'sslclient', server: 'sslserver', any: 'any' } as const
const VERIFY_NAME = { dns: '-verify_hostname', email: '-verify_email', ip: '-verify_ip' } as const
/** Security level of 112 bits: RSA from 2048 bits, no SHA-1. */
const LEVEL = '2'

/** What `openssl verify` says of every leaf of a world: one process for all of them. */
export function opensslVerdicts(world: World, folder: string): Promise<readonly OpensslVerdict[]> {
  const own = mkdtempSync(join(folder, 'world-'))
  const write = (name: string, ders: readonly Uint8Array[], label?: string): string => {
    const path = join(own, name)
    writeFileSync(path, ders.map((der) => armor(der, label)).join(''))
    return path
  }
  const leaves = world.leaves.map(({ der }, at) => write(`leaf-${at}.pem`, [der]))
  const args = [
    'verify',
    ...['-no-CApath', '-no-CAstore', '-CAfile', write('anchors.pem', world.anchors)],
    ...(world.untrusted.length === 0 ? [] : ['-untrusted', write('untrusted.pem', world.untrusted)]),
    ...(world.lists.length === 0 ? [] : ['-CRLfile', write('lists.pem', world.lists, 'X509 CRL')]),
    ...argumentsFrom(world.settings),
    ...leaves,
  ]
  return new Promise((resolve) => {
    // It exits with 2 where one leaf is refused. What it did not call good was refused.
    execFile('openssl', args, { encoding: 'utf8' }, (_, stdout, stderr) => {
      rmSync(own, { recursive: true })
      resolve(verdictsFrom(leaves, stdout, stderr))
    })
  })
}

function argumentsFrom({ purpose, strict, revocation, policies, name }: World['settings']): string[] {
  return [
    ...['-partial_chain', '-purpose', PURPOSE[purpose], '-auth_level', LEVEL, '-attime', String(NOW_MS / 1000)],
    ...(strict ? ['-x509_strict'] : []),
    ...(revocation === null ? [] : [revocation === 'leaf' ? '-crl_check' : '-crl_check_all']),
    ...(revocation === 'chain' ? ['-crl_check'] : []),
    ...(policies === null ? [] : ['-policy_check', ...policies.initial.flatMap((policy) => ['-policy', policy])]),
    ...(policies?.explicit ? ['-explicit_policy'] : []),
    ...(policies?.inhibitMapping ? ['-inhibit_map'] : []),
    ...(policies?.inhibitAny ? ['-inhibit_any'] : []),
    ...(name === null ? [] : [VERIFY_NAME[name.type], name.value]),
  ]
}

function verdictsFrom(leaves: readonly string[], stdout: string, stderr: string): OpensslVerdict[] {
  const good = new Set(stdout.split('\n').flatMap((line) => (line.endsWith(': OK') ? [line.slice(0, -4)] : [])))
  const errors = new Map<string, readonly number[]>()
  let pending: number[] = []
  for (const line of stderr.split('\n')) {
    const number = /^error (\d+) at \d+ depth lookup/.exec(line)?.[1]
    if (number !== undefined) pending.push(Number(number))
    const failed = /^error (.+): verification failed$/.exec(line)?.[1]
    if (failed === undefined) continue
    errors.set(failed, pending)
    pending = []
  }
  return leaves.map((leaf) => ({ accepted: good.has(leaf), errors: errors.get(leaf) ?? [] }))
}
