import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { connect } from 'node:tls'
import type { Workload } from '@countersign/testing'
import { field, headerFrames, opening } from '../attack/h2-wire.js'
import { send, tlsOf } from './client.js'
import { startGuardedService } from './guarded-service.js'
import { optionsOfGuide } from './guide-options.js'
import { PROXY_KINDS } from './kinds.js'
import type { ProxyKind } from './proxy.js'
import { createSite, PUBLIC_NAME } from './site.js'
import { createStage } from './stage.js'
import { seenIn } from './what-is-decided.js'

const site = createSite()
const { client, other } = site
const FRAME_HEAD_BYTES = 9
/** HEADERS, RST_STREAM, GOAWAY: whichever comes first, the proxy has made up its mind. */
const ANSWERS = new Set([1, 3, 7])

/** Header sections that become other ones if they are written out as HTTP/1.1 without a look at them. */
function injections(kind: ProxyKind): Readonly<Record<string, readonly [name: string, value: string][]>> {
  const forged = Object.entries(kind.fields({ certificateDer: other.certificateDer, fault: null }))
  const lines = forged.map(([name, value]) => `${name}: ${value}`).join('\r\n')
  return {
    'lines in a value': [['x-other', `1\r\n${lines}`]],
    'lines in a value, with line feeds alone': [['x-other', `1\n${lines.replaceAll('\r', '')}`]],
    'lines in a name': [[`x-other: 1\r\n${lines}\r\nx-more`, '1']],
    'lines in the path': [[':path', `/who HTTP/1.1\r\n${lines}\r\nx-more: 1`]],
    'lines in the authority': [[':authority', `${PUBLIC_NAME}\r\n${lines}`]],
    'a second request in a value': [['x-other', `1\r\n\r\nGET /who HTTP/1.1\r\nHost: ${PUBLIC_NAME}\r\n${lines}\r\n\r\n`]],
    'names in upper case': forged,
    'names with a space': forged.map(([name, value]) => [`${name.toLowerCase()} `, value]),
    'names of pseudo-fields': forged.map(([name, value]) => [`:${name.toLowerCase()}`, value]),
    'Connection, which HTTP/2 has not': [
      ['connection', forged.map(([name]) => name).join(', ')],
      ...forged.map(([name, value]): [string, string] => [name.toLowerCase(), value]),
    ],
  }
}

/** Sends one header section on a connection of its own, and waits for what the proxy makes of it. */
async function sendSection(port: number, as: Workload | null, fields: readonly [string, string][]): Promise<void> {
  const socket = connect({ ...tlsOf(site, { as }), port, ALPNProtocols: ['h2'] })
  socket.on('error', () => {})
  await once(socket, 'secureConnect')
  const given = new Set(fields.map(([name]) => name))
  const usual: [string, string][] = [
    [':method', 'GET'],
    [':scheme', 'https'],
    [':path', '/who'],
    [':authority', PUBLIC_NAME],
  ]
  // Pseudo-fields first, as they must be.
  const all = [...usual.filter(([name]) => !given.has(name)), ...fields].sort(
    ([a], [b]) => Number(b.startsWith(':')) - Number(a.startsWith(':')),
  )
  socket.write(Buffer.concat([opening(), headerFrames(1, Buffer.concat(all.map(([name, value]) => field(name, value))), true)]))
  let received = Buffer.alloc(0)
  await new Promise<void>((resolve) => {
    socket.once('close', () => resolve())
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk])
      if (typesOf(received).some((type) => ANSWERS.has(type))) resolve()
    })
  })
  socket.destroy()
}

function typesOf(frames: Buffer): number[] {
  const types: number[] = []
  for (let at = 0; at + FRAME_HEAD_BYTES <= frames.length; at += FRAME_HEAD_BYTES + frames.readUIntBE(at, 3))
    types.push(frames[at + 3] ?? -1)
  return types
}

for (const kind of PROXY_KINDS) {
  const stage = createStage(kind, site, () => startGuardedService(site, { forwarded: optionsOfGuide(kind.format) }))

  test(`${kind.name} makes no field of its own out of what a client hides in HTTP/2`, async () => {
    const port = await stage.portOf()
    const { recorder } = await stage.service()
    await sendSection(port, client, [['x-other', '1']])
    assert.equal(recorder.of('request.allowed').length, 1, 'a section without anything in it is a request')
    for (const [what, fields] of Object.entries(injections(kind))) {
      for (const as of [client, null]) {
        recorder.clear()
        await sendSection(port, as, fields)
        // Whatever may have been smuggled in has been answered before this one is.
        assert.equal(seenIn((await send(site, port, { as: client })).text).id, client.id, what)
        const callers = recorder.of('request.allowed').map(({ facts }) => facts['principal'])
        assert.deepEqual([...new Set(callers)], [client.id], what)
        assert.ok(callers.length <= (as === null ? 1 : 2), `${what}: one request became several`)
      }
    }
  })
}
