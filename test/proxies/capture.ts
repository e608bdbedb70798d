// Writes down what the proxies of this machine send: node test/dist/proxies/capture.js
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { CAPTURED, type Captured, type CapturedProxy, type HeaderList } from '../forwarded/captured.js'
import { ROOT } from '../house/root.js'
import { type Answer, send, sendOnce } from './client.js'
import { blockOfGuide, replaced } from './guide.js'
import { PROXY_KINDS } from './kinds.js'
import { type ProxyKind, startProxy } from './proxy.js'
import { type Recorded, startRecordingService } from './recording-service.js'
import { createSite, type Site } from './site.js'

const TEN_YEARS_SECONDS = 3650 * 86_400

function headersOf({ status, text }: Answer): HeaderList {
  return status === 200 ? (JSON.parse(text) as Recorded).rawHeaders : null
}

async function captureProxy(kind: ProxyKind, site: Site, version: string): Promise<CapturedProxy> {
  const service = await startRecordingService(site)
  const block = blockOfGuide(kind.language, kind.beginning)
  const strict = await startProxy(kind, site, service.port, block)
  const lenient = await startProxy(kind, site, service.port, replaced(block, kind.lenient))
  const first = await sendOnce(site, strict.port, { as: site.client })
  if (first.session === null) throw new Error(`${kind.name} gives no session to resume`)
  const orNull = (answer: Promise<Answer>): Promise<HeaderList> => answer.then(headersOf, () => null)
  const headers = {
    client: headersOf(first.answer),
    none: headersOf(await send(site, strict.port)),
    resumed: headersOf(await send(site, strict.port, { session: first.session })),
    expired: await orNull(send(site, lenient.port, { as: site.expired })),
    stranger: await orNull(send(site, lenient.port, { as: site.stranger })),
  }
  await strict.stop()
  await lenient.stop()
  await service.close()
  return { name: kind.name, version, headers }
}

async function capture(): Promise<Captured> {
  const { servers } = (await import(pathToFileURL(join(ROOT, 'test/tools/servers.mjs')).href)) as {
    servers(): Promise<readonly { readonly name: string; readonly version?: string }[]>
  }
  const found = await servers()
  const site = createSite({ clientValidSeconds: TEN_YEARS_SECONDS })
  const proxies: CapturedProxy[] = []
  for (const kind of PROXY_KINDS) proxies.push(await captureProxy(kind, site, found.find(({ name }) => name === kind.name)?.version ?? ''))
  const { mesh, client, expired, stranger } = site
  return {
    capturedAtMs: mesh.clock.nowMs(),
    certificates: {
      authority: mesh.trustPem,
      client: client.certificatePem,
      expired: expired.certificatePem,
      stranger: stranger.certificatePem,
    },
    proxies,
  }
}

writeFileSync(join(ROOT, CAPTURED), `${JSON.stringify(await capture(), null, 2)}\n`)
