import { openMesh } from './mesh.js'
import { PARTS } from './parts.js'
import type { PartName, Site } from './site.js'

/** What the parent says at the start; the port is the answer. */
export interface Order {
  readonly part: PartName
  readonly site: Site
}

process.once('message', async ({ part, site }: Order) => {
  const { mesh, close } = await openMesh(site)
  const running = await PARTS[part](site, mesh)
  process.once('disconnect', async () => {
    await running.close()
    await close()
  })
  process.send?.(running.port)
})
