import type { CertificateMetadata } from '@countersign/core'
import type { ClientTls } from '@countersign/node'
import type { ApiKeyDirectory, ApiKeyRecord } from '@countersign/token'

/** What is kept of a registered service: nothing that could be used in its name but the TLS side, which gives no key away. */
export interface Registration {
  readonly id: string
  readonly certificate: CertificateMetadata
  readonly tls: ClientTls
  readonly apiKey: ApiKeyRecord | null
  /** Its end was told of. */
  isNoticed: boolean
}

/** The services whose credentials this process holds. */
export interface Registrations {
  get(id: string): Registration | undefined
  set(registration: Registration): void
  remove(id: string): void
  all(): readonly Registration[]
  /** Their API keys, for the `keys` of a verifier. */
  readonly apiKeys: ApiKeyDirectory
}

export function createRegistrations(): Registrations {
  const byId = new Map<string, Registration>()
  const keys = new Map<string, ApiKeyRecord>()
  let epoch = 0

  function forgetKey(id: string): void {
    const { apiKey = null } = byId.get(id) ?? {}
    if (apiKey !== null) keys.delete(apiKey.id)
  }

  return {
    get: (id) => byId.get(id),
    set(registration) {
      forgetKey(registration.id)
      byId.set(registration.id, registration)
      if (registration.apiKey !== null) keys.set(registration.apiKey.id, registration.apiKey)
      epoch++
    },
    remove(id) {
      forgetKey(id)
      byId.delete(id)
      epoch++
    },
    all: () => [...byId.values()],
    apiKeys: {
      find: (keyId) => keys.get(keyId) ?? null,
      get epoch() {
        return epoch
      },
    },
  }
}
