import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createTestMesh, type TestMesh, type Workload, workloadFrom } from '@countersign/testing'

/** What stands in `/etc/ingress` of the guide, and the clients that call. */
export interface Site {
  readonly folder: string
  readonly mesh: TestMesh
  /** The service's own certificate. */
  readonly service: { readonly cert: string; readonly key: string; readonly workload: Workload }
  /** The proxy's own client certificate. */
  readonly ingress: Workload
  readonly client: Workload
  /** Of the same authority, and of another name. */
  readonly other: Workload
  /** Ran out an hour ago. */
  readonly expired: Workload
  /** Of the same name, and of an authority that nobody trusts. */
  readonly stranger: Workload
}

export const INGRESS_ID = 'spiffe://prod.example/ingress'
export const PUBLIC_NAME = 'shop.example'
const SERVICE_NAME = 'orders.internal'
const DAY_SECONDS = 86_400
const HOUR_MS = 3_600_000

export interface SiteOptions {
  readonly mesh?: TestMesh
  /** Default 3600. */
  readonly clientValidSeconds?: number
}

/** Makes certificates and writes those that a proxy reads. Gone when the process ends. */
export function createSite({ mesh = createTestMesh('prod.example'), clientValidSeconds = 3600 }: SiteOptions = {}): Site {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-proxies-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  const ingress = mesh.workload('/ingress', { validSeconds: DAY_SECONDS })
  // Apache asks for the name that it connects to.
  const service = mesh.workload('/orders', { dns: [SERVICE_NAME, 'localhost'], validSeconds: DAY_SECONDS })
  const server = workloadFrom(PUBLIC_NAME, mesh.authority.issue({ dns: [PUBLIC_NAME], extendedKeyUsage: ['serverAuth'] }))
  const write = (name: string, text: string): string => {
    const file = join(folder, name)
    writeFileSync(file, text, { mode: 0o600 })
    return file
  }
  for (const [name, { chainPem, keyPem }] of Object.entries({ server, ingress })) {
    write(`${name}.pem`, chainPem)
    write(`${name}-key.pem`, keyPem)
    write(`${name}-both.pem`, chainPem + keyPem)
  }
  write('clients-ca.pem', mesh.trustPem)
  write('services-ca.pem', mesh.trustPem)
  return {
    folder,
    mesh,
    service: { cert: write('service.pem', service.chainPem), key: write('service-key.pem', service.keyPem), workload: service },
    ingress,
    client: mesh.workload('/checkout', { validSeconds: clientValidSeconds }),
    other: mesh.workload('/admin'),
    expired: mesh.workload('/checkout', { validFrom: new Date(mesh.clock.nowMs() - 2 * HOUR_MS), validSeconds: 3600 }),
    stranger: createTestMesh('prod.example').workload('/checkout', { validSeconds: clientValidSeconds }),
  }
}
