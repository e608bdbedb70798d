import { createSecretKey, type KeyObject } from 'node:crypto'
import { checkKeys, checkSecret, checkText, deriveKey, readSecretFile } from '@countersign/core'

/** The symmetric keys of a mesh, each for one use. They are functions, so that nothing that prints or copies the object has a key. */
export interface MeshSecrets {
  /** For the `macKey` of a shared store: a record that was not written by this mesh is not believed. */
  stateMacKey(): Uint8Array
  /**
   * For the nonces of DPoP (RFC 9449 §8): a nonce of one process is known to another.
   * @param service whose they are: at another service they count nothing. Default: they count at all of them.
   */
  dpopNonceSecret(service?: string): Uint8Array
  /**
   * For the `hashKey` of API keys: a store that was read gives no key away.
   * @param service whose store it is, where each keeps its own: none can make a record for another. Default: one store of all.
   */
  apiKeyHashKey(service?: string): Uint8Array
}

/** 32 random bytes or more, or a file with them that its owner alone may read. */
export type MasterSecret = Uint8Array | KeyObject | { readonly file: string }

/**
 * Derives the symmetric keys of a mesh from one secret, which all its processes are given: for each purpose another, and for each service that is
 * named. No token is signed with any of them: tokens are
 * signed with key pairs alone.
 * @example
 * const secrets = createMeshSecrets({ file: '/run/secrets/mesh' })
 * const store = createRedisStateStore({ client, name: 'prod', macKey: secrets.stateMacKey() })
 * @throws {MisuseError} `ERR_OPTION_MISSING`, `ERR_OPTION_INVALID` for a weak secret, `ERR_CREDENTIAL_UNREADABLE` for a file that others may read.
 */
export function createMeshSecrets(master: MasterSecret): MeshSecrets {
  const secret = createSecretKey(readMaster(master))
  const keyFor = (purpose: string, service?: string) => deriveKey(secret, { purpose, ...(service === undefined ? {} : { service }) })
  return Object.freeze({
    stateMacKey: () => keyFor('state-records'),
    dpopNonceSecret: (service?: string) => keyFor('dpop-nonces', service),
    apiKeyHashKey: (service?: string) => keyFor('api-key-hashes', service),
  })
}

function readMaster(master: MasterSecret): Uint8Array {
  const given: unknown = master
  if (typeof given !== 'object' || given === null || !('file' in given)) return checkSecret('master', given)
  checkKeys('master', given, ['file'])
  return readSecretFile('master.file', checkText('master.file', given['file']))
}
