import { checkKeys, checkText, joinPath, kindOf, MisuseError, parseSpiffeId } from '@countersign/core'

/** Who exists in a mesh, and who may call whom. */
export interface ServiceDirectory {
  /** `undefined`: there is no such service. Never waits. */
  get(id: string): ServiceEntry | undefined
  /** Every service that there is. */
  ids(): readonly string[]
}

export interface ServiceEntry {
  /** Ids of the services that this one gets tokens for, and may hand sessions on to. Empty: none. */
  readonly mayCall: readonly string[]
  /** Scopes that its tokens may hold. Default: none. */
  readonly scopes?: readonly string[]
}

// RFC 1035 §2.3.4 and SPIFFE-ID §2.3.
const DNS_NAME = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/
/** RFC 6749 §3.3: what a scope may be written with. */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]{1,128}$/
const MAX_SCOPES = 100

/**
 * Reads the services of a mesh.
 * @param services a record by id, or a directory of the caller's own, which is asked each time.
 * @throws {MisuseError}
 */
export function createServiceDirectory(option: string, services: unknown): ServiceDirectory {
  if (services === undefined) {
    throw new MisuseError(
      'ERR_OPTION_MISSING',
      option,
      "says who there is, and who may call whom: { 'spiffe://prod.example/orders': { mayCall: ['spiffe://prod.example/billing'] } }",
    )
  }
  if (typeof services !== 'object' || services === null || Array.isArray(services))
    throw new MisuseError('ERR_OPTION_INVALID', option, `takes an object by service id, not ${kindOf(services)}`)
  if (isDirectory(services)) return services
  const entries = new Map<string, ServiceEntry>()
  for (const [id, entry] of Object.entries(services))
    entries.set(checkServiceId(option, id), checkEntry(`${option}[${JSON.stringify(id)}]`, entry))
  if (entries.size === 0) throw new MisuseError('ERR_OPTION_INVALID', option, 'takes at least one service')
  for (const [id, { mayCall }] of entries) {
    const stranger = mayCall.find((target) => !entries.has(target))
    if (stranger !== undefined)
      throw new MisuseError(
        'ERR_OPTION_CONTRADICTION',
        `${option}[${JSON.stringify(id)}].mayCall`,
        'names a service that services does not have',
      )
  }
  const ids = Object.freeze([...entries.keys()])
  return Object.freeze({ get: (id: string) => entries.get(id), ids: () => ids })
}

/** A name that a certificate can prove: the SPIFFE ID of a workload, or a DNS name in lower case. */
export function checkServiceId(option: string, id: unknown): string {
  const text = checkText(option, id)
  if (parseSpiffeId(text)?.path || DNS_NAME.test(text)) return text
  throw new MisuseError('ERR_OPTION_INVALID', option, 'takes ids of services: SPIFFE IDs of workloads, or DNS names in lower case')
}

/** @returns the scopes, each once. */
export function checkScopes(option: string, scopes: unknown): readonly string[] {
  if (!Array.isArray(scopes) || scopes.length > MAX_SCOPES)
    throw new MisuseError('ERR_OPTION_INVALID', option, `takes a list of at most ${MAX_SCOPES} scopes, not ${kindOf(scopes)}`)
  for (const [index, scope] of scopes.entries()) {
    if (typeof scope !== 'string' || !SCOPE.test(scope))
      throw new MisuseError(
        'ERR_OPTION_INVALID',
        `${option}[${index}]`,
        'takes a scope: visible ASCII without spaces, quotes and backslashes',
      )
  }
  return Object.freeze([...new Set<string>(scopes)])
}

function checkEntry(option: string, entry: unknown): ServiceEntry {
  checkKeys(option, entry, ['mayCall', 'scopes'])
  const { mayCall, scopes = [] } = entry
  const path = joinPath(option, 'mayCall')
  if (!Array.isArray(mayCall))
    throw new MisuseError(
      mayCall === undefined ? 'ERR_OPTION_MISSING' : 'ERR_OPTION_INVALID',
      path,
      `takes a list of service ids, not ${kindOf(mayCall)}: write mayCall: [] for a service that calls nobody`,
    )
  const targets = mayCall.map((target, index) => checkServiceId(`${path}[${index}]`, target))
  return Object.freeze({ mayCall: Object.freeze(targets), scopes: checkScopes(joinPath(option, 'scopes'), scopes) })
}

function isDirectory(services: object): services is ServiceDirectory {
  return 'get' in services && typeof services.get === 'function' && 'ids' in services && typeof services.ids === 'function'
}
