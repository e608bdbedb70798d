import type { KeyObject } from 'node:crypto'
import {
  checkInteger,
  checkKeys,
  checkList,
  checkText,
  joinPath,
  kindOf,
  MisuseError,
  parseJsonObject,
  type Source,
  type Surroundings,
} from '@countersign/core'
import { createJwksLocator } from './discovered-keys.js'
import { checkEndpoint } from './endpoint.js'
import { createFileKeys } from './file-keys.js'
import { type KeySet, readJwks } from './key-set.js'
import { AT_HAND, type KeyStore } from './key-store.js'
import type { IssuerRules } from './options.js'
import { createRemoteKeys, type RemoteKeysOptions } from './remote-keys.js'
import { createSourceKeys } from './source-keys.js'
import { SIGNING_USES, SVID_USES, WIT_USES } from './verification-key.js'

const DEFAULT_TIMEOUT_MS = 5000
const DEFAULT_MAX_AGE_SECONDS = 600
const USES = {
  'at+jwt': SIGNING_USES,
  JWT: SIGNING_USES,
  'jwt-svid': SVID_USES,
  'wit+jwt': WIT_USES,
  'session-propagation+jwt': SIGNING_USES,
} as const
// Sound keys of other purposes, which a JWKS may well hold.
const HARMLESS: ReadonlySet<string> = new Set(['kind', 'use', 'algorithm'])

/**
 * Makes the key store that `JwtOptions.keys` describes.
 * @throws {MisuseError} for keys that are none, or none that may verify signatures.
 */
export function createKeyStore(option: string, keys: unknown, rules: IssuerRules, surroundings: Surroundings): KeyStore {
  const uses = USES[rules.type]
  if (isSource(keys)) return createSourceKeys(keys, surroundings.clock)
  if (typeof keys === 'string') {
    throw new MisuseError('ERR_OPTION_INVALID', option, 'takes an object: write { jwksUri: "https://…" } or { file: "…" }')
  }
  checkKeys(option, keys, ['discover', 'jwksUri', 'file', 'jwks', 'timeoutMs', 'maxAgeSeconds'])
  if (['discover', 'jwksUri', 'file', 'jwks'].filter((kind) => kind in keys).length !== 1) {
    throw new MisuseError('ERR_OPTION_INVALID', option, 'takes one of { discover }, { jwksUri }, { file } and { jwks }')
  }
  if ('jwksUri' in keys) {
    const uri = joinPath(option, 'jwksUri')
    const jwksUri = checkEndpoint(uri, checkText(uri, keys['jwksUri']), 'whoever can change the keys on their way can make any token')
    return createRemoteKeys({ ...checkTimes(option, keys, rules), locate: () => jwksUri }, uses, surroundings)
  }
  if ('discover' in keys) {
    const times = checkTimes(option, keys, rules)
    const locate = createJwksLocator(joinPath(option, 'discover'), keys['discover'], times, surroundings)
    return createRemoteKeys({ ...times, locate }, uses, surroundings)
  }
  checkKeys(option, keys, ['file', 'jwks'])
  if ('file' in keys) {
    const path = joinPath(option, 'file')
    return createFileKeys(path, rules.issuer, checkText(path, keys['file']), uses, surroundings.recorder)
  }
  const set = readConstant(joinPath(option, 'jwks'), keys['jwks'], uses)
  return { ...AT_HAND, epoch: 1, find: (kid, algorithm) => set.find(kid, algorithm) }
}

function isSource(keys: unknown): keys is Source<KeyObject> {
  return typeof keys === 'object' && keys !== null && 'get' in keys && typeof keys.get === 'function' && 'epoch' in keys
}

function checkTimes(option: string, keys: Record<string, unknown>, rules: IssuerRules): Omit<RemoteKeysOptions, 'locate'> {
  const { timeoutMs = DEFAULT_TIMEOUT_MS, maxAgeSeconds = DEFAULT_MAX_AGE_SECONDS } = keys
  return {
    issuer: rules.issuer,
    timeoutMs: checkInteger(joinPath(option, 'timeoutMs'), timeoutMs, 100, 30_000),
    maxAgeMs: 1000 * checkInteger(joinPath(option, 'maxAgeSeconds'), maxAgeSeconds, 60, 86_400),
    staleMs: rules.keysStaleMs,
  }
}

function readConstant(option: string, jwks: unknown, uses: ReadonlySet<unknown>): KeySet {
  if (typeof jwks === 'object' && jwks !== null && Object.hasOwn(jwks, 'keys')) {
    throw new MisuseError('ERR_OPTION_INVALID', option, 'takes the list of keys: write { jwks: set.keys }')
  }
  const found = readJwks(parseJsonObject(toJson(option, { keys: checkList(option, jwks) })), uses)
  if (found === null) throw new MisuseError('ERR_OPTION_INVALID', option, `takes a list of at most 100 JWKs, not ${kindOf(jwks)}`)
  if ('private' in found.flaws) throw new MisuseError('ERR_OPTION_INVALID', option, 'holds a private key: give the public part alone')
  const flaw = Object.keys(found.flaws).find((name) => !HARMLESS.has(name))
  if (flaw !== undefined) throw new MisuseError('ERR_OPTION_INVALID', option, `holds a key that must not be used, for its ${flaw}`)
  if (found.keys.size === 0) throw new MisuseError('ERR_OPTION_INVALID', option, 'holds no key that may verify signatures')
  return found.keys
}

function toJson(option: string, value: unknown): string {
  try {
    return JSON.stringify(value)
  } catch (cause) {
    throw new MisuseError('ERR_OPTION_INVALID', option, 'takes a list of JWKs', cause)
  }
}
