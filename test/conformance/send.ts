import type { Answer } from './answer.js'
import { HOST } from './certificates.js'
import { forwardedFields } from './forwarded.js'
import { bytesOf, type Field, rawConnection } from './raw-http1.js'
import { requestHttp2 } from './raw-http2.js'
import type { Given } from './row.js'
import { AUTHORITY, isHttp2, type Transport } from './servers.js'
import type { Service } from './service.js'
import type { World } from './world.js'

/** Certificates that OpenSSL does not load at its usual security level: the client says that it takes them all the same. */
const WEAK = new Set(['rsa-1024', 'signed-with-sha1'])

/** Sends the request of a row, after those before it, and gives the last answer. `beforeLast` is called in front of the one that counts. */
export async function send(given: Given, service: Service, transport: Transport, world: World, beforeLast: () => void): Promise<Answer> {
  const { before = 0, thenSeconds = 0, keepsConnection = false } = given
  const handedOn = given.session === undefined ? [] : await world.sessions.fields(given.session)
  const fields = [...fieldsOf(given, world), ...handedOn]
  if (keepsConnection) return sendOnOneConnection(given, fields, service, world, beforeLast)
  for (let count = 0; count < before; count++) await sendOne(given, fields, service, transport, world)
  beforeLast()
  world.clock.advanceSeconds(thenSeconds)
  try {
    return await sendOne(given, fields, service, transport, world)
  } finally {
    world.clock.advanceSeconds(-thenSeconds)
  }
}

async function sendOne(given: Given, fields: readonly Field[], service: Service, transport: Transport, world: World): Promise<Answer> {
  const socket = await connect(given, service, world)
  const { method = 'GET', target = '/', authority = AUTHORITY } = given
  if (isHttp2(transport)) {
    const pseudo: Field[] = [
      [':method', method],
      [':scheme', 'https'],
      [':authority', authority],
      [':path', target],
    ]
    return requestHttp2(socket, [...pseudo, ...fields.map(([name, value]): Field => [name.toLowerCase(), value])])
  }
  const connection = rawConnection(socket)
  const bytes = bytesOf({
    method,
    target,
    ...(given.version === undefined ? {} : { version: given.version }),
    fields: [['Host', authority], ...fields],
    body: bodyFor(fields),
  })
  const [answer] = await connection.exchange(bytes, [method])
  connection.destroy()
  if (answer === undefined) throw new Error('no answer was read')
  return answer
}

async function sendOnOneConnection(
  given: Given,
  fields: readonly Field[],
  service: Service,
  world: World,
  beforeLast: () => void,
): Promise<Answer> {
  const { method = 'GET', target = '/', authority = AUTHORITY, before = 0, thenSeconds = 0 } = given
  const connection = rawConnection(await connect(given, service, world))
  const bytes = bytesOf({ method, target, fields: [['Host', authority], ...fields] })
  for (let count = 0; count < before; count++) await connection.exchange(bytes, [method])
  beforeLast()
  world.clock.advanceSeconds(thenSeconds)
  try {
    const [answer] = await connection.exchange(bytes, [method])
    if (answer === undefined) throw new Error('no answer was read')
    return answer
  } finally {
    world.clock.advanceSeconds(-thenSeconds)
    connection.destroy()
  }
}

function connect({ certificate, serverName = HOST }: Given, service: Service, world: World) {
  return service.connect({
    credential: certificate === undefined ? null : world.certificates.of(certificate),
    serverName,
    loadsAnything: certificate !== undefined && WEAK.has(certificate),
  })
}

/** `TOKEN` stands for a token that is good, `APIKEY` for such a key. */
function fieldsOf({ token, proof, apiKey, forwarded, fields = [] }: Given, world: World): readonly Field[] {
  const authorization: Field[] = token === undefined ? [] : [['Authorization', `Bearer ${world.tokens.of(token)}`]]
  const ownField: Field[] = apiKey === undefined ? [] : [['X-Api-Key', world.keys.of(apiKey)]]
  const written = forwarded === undefined ? [] : forwardedFields(forwarded, world)
  const proven = proof === undefined ? [] : world.proofs.of(proof)
  return [...authorization, ...proven, ...ownField, ...written, ...fields.map(([name, value]): Field => [name, filledIn(value, world)])]
}

function filledIn(value: string, { tokens, keys }: World): string {
  return value.replaceAll('TOKEN', tokens.of('unbound')).replaceAll('APIKEY', keys.of('orders'))
}

/** A body of the announced length, but for a client that waits to be told to continue. */
function bodyFor(fields: readonly Field[]): string {
  const length = fields.find(([name]) => name === 'Content-Length')?.[1] ?? '0'
  return fields.some(([name]) => name === 'Expect') ? '' : '{}'.padEnd(Number(length)).slice(0, Number(length))
}
