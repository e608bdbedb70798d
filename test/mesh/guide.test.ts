import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { Agent, request } from 'node:https'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import { createDevAuthority, writeCredential } from '@countersign/issuer'
import { examplesIn } from '../house/doc-examples.js'
import { ROOT } from '../house/root.js'

const PAGE = 'docs/guides/tokens.md'
const PORTS = ['9443', '8443', '8442']

/** The files of the page in an empty folder, with certificates of the same names, at ports that are free. */
async function follow(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-guide-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  const authority = createDevAuthority({ trustDomain: 'prod.example' })
  writeCredential(folder, 'ca', { chainPem: authority.certificatePem, keyPem: authority.keyPem })
  for (const name of ['authority', 'orders', 'billing', 'ledger', 'you'])
    writeCredential(folder, name, authority.issue({ spiffeId: `spiffe://prod.example/${name}`, dns: ['localhost'] }))
  const ports = new Map<string, number>()
  for (const port of PORTS) ports.set(port, await freePort())
  for (const { file, text } of examplesIn(PAGE, readFileSync(join(ROOT, PAGE), 'utf8')))
    if (file !== null)
      writeFileSync(
        join(folder, file),
        text.replaceAll(/\b(?:9443|8443|8442)\b/g, (port) => String(ports.get(port))),
      )
  return { folder, portOf: (port: string) => ports.get(port) ?? assert.fail(port) }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0)
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address !== null ? address.port : assert.fail()
}

test('the files of the guide do what the guide says, from the first token to the emergency', async (t) => {
  const { folder, portOf } = await follow(t)
  const running = spawn(process.execPath, ['start.mjs'], { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => running.kill('SIGKILL'))
  let output = ''
  for await (const chunk of running.stdout.iterator({ destroyOnReturn: false })) {
    output += String(chunk)
    if (/over: \[[^\]]*\]\n}\n/.test(output)) break
  }
  running.stdout.resume()
  assert.match(output, /caller: 'spiffe:\/\/prod.example\/billing',\n +for: 'alice',\n/)

  const agents: Agent[] = []
  t.after(() => agents.forEach((agent) => void agent.destroy()))
  const as = (name: string) => {
    const [ca, cert, key] = ['ca', name, `${name}-key`].map((file) => readFileSync(join(folder, `${file}.pem`)))
    const agent = new Agent({ ca, cert, key, keepAlive: true, maxSockets: 1 })
    agents.push(agent)
    return async (port: string, path: string, headers: Record<string, string> = {}, body: string | null = null) => {
      const method = body === null ? 'GET' : 'POST'
      const sent = request({ agent, host: 'localhost', port: portOf(port), path, method, headers })
      sent.end(body ?? '')
      const [res] = await once(sent, 'response')
      return { status: res.statusCode, localPort: sent.socket?.localPort, body: JSON.parse(await text(res)) }
    }
  }
  const [orders, billing, you] = [as('orders'), as('billing'), as('you')]
  const ask = async () => {
    const form = { grant_type: 'client_credentials', client_id: 'spiffe://prod.example/orders', audience: 'spiffe://prod.example/ledger' }
    const type = { 'content-type': 'application/x-www-form-urlencoded' }
    const { body } = await orders('9443', '/token', type, new URLSearchParams(form).toString())
    return { authorization: `Bearer ${body.access_token}` }
  }
  const token = await ask()
  const first = await orders('8443', '/entries', token)
  assert.deepEqual(first.body, { caller: 'spiffe://prod.example/orders' })
  assert.equal((await billing('8443', '/entries', token)).body.code, 'ERR_TOKEN_BINDING')

  const revoke = (what: Record<string, unknown>) =>
    you('9443', '/revocations', { 'content-type': 'application/json' }, JSON.stringify(what))
  const misspelled = await revoke({ service: 'spiffe://prod.example/orders', reason: 'stolen' })
  assert.equal(misspelled.status, 400)
  assert.match(misspelled.body.message, /reason: takes "unspecified" or "key-compromise" or /)
  assert.equal((await you('9443', '/revocations', {}, '{}')).status, 400)
  const unknown = await revoke({ service: 'spiffe://prod.example/nobody', reason: 'unspecified' })
  assert.deepEqual([unknown.status, unknown.body], [409, { code: 'ERR_SERVICE_UNKNOWN' }])
  assert.deepEqual((await revoke({ token: 'nobody-has-it', reason: 'unspecified' })).body, { kind: 'token', isStored: true })
  const revoked = await revoke({ service: 'spiffe://prod.example/orders', reason: 'key-compromise' })
  assert.deepEqual(revoked.body, { kind: 'service', isStored: true })
  const refused = await orders('8443', '/entries', token)
  assert.deepEqual([refused.status, refused.body.code], [401, 'ERR_TOKEN_REVOKED'])
  assert.ok(first.localPort !== undefined && refused.localPort === first.localPort, 'over the connection that was open')
  assert.equal((await orders('8443', '/entries', await ask())).status, 200)
})
