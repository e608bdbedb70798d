import { type ChildProcess, fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createDevAuthority, type IssuedCertificate, writeCredential, writeSecretFile } from '@countersign/issuer'
import type { AuthMesh } from '@countersign/mesh'
import type { Order } from './child.js'
import { openMesh } from './mesh.js'
import { PARTS } from './parts.js'
import type { PartName, Running, Site } from './site.js'

/** Everything runs. This process is `orders`. */
export interface Stage {
  readonly site: Site
  readonly mesh: AuthMesh
  readonly billingCertificate: IssuedCertificate
  close(): Promise<void>
}

const CHILD = fileURLToPath(new URL('child.js', import.meta.url))

/**
 * Starts the authority, ledger and billing: in this process, or with `redis` in one each.
 * @param folder where certificates and keys are written; the caller removes it.
 */
export async function startStage(folder: string, redis: string | null): Promise<Stage> {
  const authority = createDevAuthority({ trustDomain: 'demo.example' })
  writeCredential(folder, 'ca', { chainPem: authority.certificatePem, keyPem: authority.keyPem })
  const issue = (name: string): IssuedCertificate => {
    const issued = authority.issue({ spiffeId: `spiffe://demo.example/${name}`, dns: ['localhost'], ip: ['127.0.0.1'] })
    writeCredential(folder, name, issued)
    return issued
  }
  for (const name of ['authority', 'orders', 'ledger', 'operator']) issue(name)
  const billingCertificate = issue('billing')
  writeSecretFile(join(folder, 'mesh-secret'), randomBytes(32))

  let site: Site = { folder, redis, ports: {} }
  const { mesh, close } = await openMesh(site)
  const started: Running[] = []
  for (const part of ['authority', 'ledger', 'billing'] as const) {
    const running = redis === null ? await PARTS[part](site, mesh) : await forkPart({ part, site })
    started.unshift(running)
    site = { ...site, ports: { ...site.ports, [part]: running.port } }
  }
  return {
    site,
    mesh,
    billingCertificate,
    async close() {
      for (const running of started) await running.close()
      await close()
    },
  }
}

async function forkPart(order: { readonly part: PartName; readonly site: Site }): Promise<Running> {
  const child = fork(CHILD)
  const said = Promise.race([once(child, 'message'), once(child, 'exit').then(() => [null])])
  child.send(order satisfies Order)
  const [port] = await said
  if (typeof port !== 'number') throw new Error(`${order.part} did not start`)
  return { port, close: () => endChild(child) }
}

async function endChild(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit')
  child.disconnect()
  await gone
}
