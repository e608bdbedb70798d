import { FetchError, kindOf, MisuseError, withDeadline } from '@countersign/core'
import type { Algorithm } from '@countersign/token'
import type { ClientDirectory, OAuthClient } from './client.js'
import { type ClientContext, type RegisteredClient, registerClient } from './registered-client.js'
import { ASSERTION_ALGORITHMS } from './registered-credential.js'
import { type Rejection, reject } from './rejection.js'

/** Who the clients are. */
export interface ClientRegistry {
  /** `null`: there is no such client. */
  find(clientId: string): RegisteredClient | null | Promise<RegisteredClient | null | Rejection>
  /** What its clients may sign assertions with: the usual ones, and what those of a list have registered besides. */
  readonly algorithms: readonly Algorithm[]
  close(): Promise<void>
}

/** How long a directory may take: a client waits for it. */
const DIRECTORY_TIMEOUT_MS = 2000
/** Checked clients of a directory, so that the keys of one are not fetched anew on each of its requests. */
const MAX_REMEMBERED = 1000

/**
 * Opens the clients that the options name.
 * @throws {MisuseError}
 */
export function openClients(clients: readonly OAuthClient[] | ClientDirectory, context: ClientContext): ClientRegistry {
  const given: unknown = clients
  if (Array.isArray(given)) return listClients(given, context)
  if (typeof given === 'object' && given !== null && 'find' in given && typeof given.find === 'function')
    return askDirectory(clients as ClientDirectory, context)
  throw new MisuseError('ERR_OPTION_INVALID', 'clients', `takes a list of clients, or an object with find(clientId), not ${kindOf(given)}`)
}

function listClients(list: readonly unknown[], context: ClientContext): ClientRegistry {
  const byId = new Map<string, RegisteredClient>()
  for (const [index, entry] of list.entries()) {
    const client = registerClient(`clients[${index}]`, entry, context)
    if (byId.has(client.clientId)) throw new MisuseError('ERR_OPTION_CONTRADICTION', `clients[${index}].clientId`, 'is named twice')
    byId.set(client.clientId, client)
  }
  return {
    find: (clientId) => byId.get(clientId) ?? null,
    algorithms: algorithmsOf([...byId.values()]),
    async close() {
      await Promise.all([...byId.values()].map(closeClient))
    },
  }
}

function askDirectory(directory: ClientDirectory, context: ClientContext): ClientRegistry {
  const closing = new AbortController()
  const remembered = new Map<string, { readonly text: string; readonly client: RegisteredClient }>()

  function remember(clientId: string, text: string, client: RegisteredClient): void {
    const former = remembered.get(clientId)
    if (former !== undefined) void closeClient(former.client)
    remembered.delete(clientId)
    remembered.set(clientId, { text, client })
    if (remembered.size <= MAX_REMEMBERED) return
    for (const [oldest, { client: leaving }] of remembered) {
      remembered.delete(oldest)
      void closeClient(leaving)
      return
    }
  }

  async function find(clientId: string): Promise<RegisteredClient | null | Rejection> {
    let found: OAuthClient | null
    try {
      const deadline = { server: 'the client directory', timeoutMs: DIRECTORY_TIMEOUT_MS, signal: closing.signal }
      found = await withDeadline(deadline, async () => directory.find(clientId))
      if (found === null) return null
      if (found.clientId !== clientId) throw new FetchError('the client directory gave another client')
      const text = JSON.stringify(found)
      const known = remembered.get(clientId)
      if (known?.text === text) return known.client
      const client = registerClient('client', found, context)
      remember(clientId, text, client)
      return client
    } catch (cause) {
      return reject('ERR_CLIENTS_UNAVAILABLE', undefined, cause)
    }
  }

  return {
    find,
    algorithms: ASSERTION_ALGORITHMS,
    async close() {
      closing.abort()
      await Promise.all([...remembered.values()].map(({ client }) => closeClient(client)))
      remembered.clear()
    },
  }
}

function algorithmsOf(clients: readonly RegisteredClient[]): readonly Algorithm[] {
  const own = clients.flatMap(({ credential }) => (credential.method === 'private_key_jwt' ? credential.algorithms : []))
  return Object.freeze([...new Set([...ASSERTION_ALGORITHMS, ...own])])
}

async function closeClient({ credential }: RegisteredClient): Promise<void> {
  if (credential.method === 'private_key_jwt') await credential.assertions.close()
}
