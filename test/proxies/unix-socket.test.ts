import assert from 'node:assert/strict'
import { chmodSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { send } from './client.js'
import { forgeriesFor } from './forgeries.js'
import { startSocketService } from './guarded-service.js'
import { type Forwarded, optionsOfGuide } from './guide-options.js'
import { nginx } from './nginx.js'
import { createSite } from './site.js'
import { createStage } from './stage.js'
import { seenIn } from './what-is-decided.js'

const site = createSite()
const { client, other } = site
const options: Forwarded = { ...(optionsOfGuide('nginx') as object), from: { unixSocket: true } } as Forwarded

/** nginx in front of a service on a socket, in a folder of these rights. */
function stageOf(name: string, mode: number) {
  const folder = join(site.folder, name)
  mkdirSync(folder)
  chmodSync(folder, mode)
  const path = join(folder, 'orders.sock')
  const stage = createStage(nginx, site, async () => {
    const service = await startSocketService(site, path, { forwarded: options })
    // As a service without a umask of its own would leave it, or one that is run by another user.
    chmodSync(path, 0o777)
    return service
  })
  const port = (): Promise<number> => stage.portOf({ 'proxy_pass https://orders;': `proxy_pass http://unix:${path}:;` })
  return { stage, port }
}

test('a proxy on a Unix socket in a folder of mode 0700 is believed, and the forged field of its client is not', async () => {
  const { port } = stageOf('private', 0o700)
  const lines = forgeriesFor(nginx, other.certificateDer)['the same name']
  for (const forged of [[], lines]) {
    const { id, provenance, clientAddress } = seenIn((await send(site, await port(), { as: client }, forged)).text)
    assert.deepEqual({ id, provenance, clientAddress }, { id: client.id, provenance: 'proxy-verified', clientAddress: '127.0.0.1' })
  }
  assert.equal((await send(site, await port(), {}, lines)).code, 'ERR_PEER_MISSING')
})

test('on a socket that everybody may connect to nobody is believed, and the log says what to do', async () => {
  const { stage, port } = stageOf('open', 0o755)
  const answer = await send(site, await port(), { as: client })
  assert.equal(answer.code, 'ERR_PEER_UNENCRYPTED', answer.text)
  const { recorder } = await stage.service()
  const told = recorder.of('guard.misused').filter(({ code }) => code === 'ERR_OPTION_CONTRADICTION')
  assert.equal(told.length, 1)
  assert.match(told[0]?.message ?? '', /a folder of mode 0700/)
  assert.equal(recorder.of('forwarded.ignored').length, 1)
})
