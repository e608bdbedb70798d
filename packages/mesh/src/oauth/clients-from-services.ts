import { parseSpiffeId } from '@countersign/core'
import type { AuthMeshOptions } from '../options.js'
import { createServiceDirectory, type ServiceDirectory, type ServiceEntry } from '../service/service-directory.js'
import type { ClientDirectory, OAuthClient } from './client.js'

/**
 * The services of a mesh as clients of its authorization server: each proves itself by a certificate with its id, and gets tokens for those
 * that it may call, and for itself, by which it says that it is there.
 * @param services as the mesh has them: a record gives a list, a directory one that is asked on each request.
 * @throws {MisuseError} as `createAuthMesh`.
 * @example
 * const tokens = createAuthorizationServer({ mesh, mtls, clients: clientsFromServices(services) })
 */
export function clientsFromServices(services: Readonly<Record<string, ServiceEntry>>): readonly OAuthClient[]
export function clientsFromServices(services: AuthMeshOptions['services']): readonly OAuthClient[] | ClientDirectory
export function clientsFromServices(services: AuthMeshOptions['services']): readonly OAuthClient[] | ClientDirectory {
  const directory: ServiceDirectory = createServiceDirectory('services', services)
  const find = (id: string): OAuthClient | null => {
    const entry = directory.get(id)
    return entry === undefined ? null : clientOf(id, entry)
  }
  if (directory === services) return { find }
  return Object.freeze(directory.ids().flatMap((id) => find(id) ?? []))
}

function clientOf(id: string, { mayCall, scopes = [] }: ServiceEntry): OAuthClient {
  return Object.freeze<OAuthClient>({
    clientId: id,
    authentication: { method: 'tls_client_auth', ...(parseSpiffeId(id) === null ? { sanDns: id } : { sanUri: id }) },
    grants: ['client_credentials'],
    audiences: [...new Set([...mayCall, id])],
    ...(scopes.length === 0 ? {} : { scopes }),
  })
}
