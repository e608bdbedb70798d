import { createPrivateKey, type JsonWebKey } from 'node:crypto'
import { statSync } from 'node:fs'
import { isJsonArray, isJsonObject, type JsonValue, MisuseError, parseJsonObject, readGuardedFile, unreadableFile } from '@countersign/core'
import type { SigningAlgorithm } from './signing-algorithm.js'
import { createSigningKey, type SigningKey } from './signing-key.js'

/** The keys of a file: the first signs, and those after it are published. Never empty. */
export type FileKeys = readonly [first: SigningKey, ...following: SigningKey[]]

/** A file of private keys, read again when it changes. */
export interface KeyFile {
  readonly keys: FileKeys
  /** @param listener gets the keys of the file as it is now, or why they cannot be used. */
  watch(listener: (keys: FileKeys | string) => void): () => void
}

// How often the file is looked at: a rotation is seen within a second, and a stat costs next to nothing.
const POLL_MS = 1000
// Each key costs an import, and verifiers take a hundred at most.
const MAX_KEYS = 20

/**
 * Opens a JWKS file of private keys (RFC 7517 §5, RFC 7518 §6.2.2, §6.3.2), readable by its owner alone.
 * @throws {MisuseError} `ERR_CREDENTIAL_UNREADABLE` if it cannot be used.
 */
export function openKeyFile(option: string, path: string, algorithm: SigningAlgorithm): KeyFile {
  // Before it is read: what is written meanwhile is read again.
  let seen = stateOf(path)
  const keys = read(path, algorithm)
  if (typeof keys === 'string') throw unreadableFile(option, path, keys)
  return {
    keys,
    watch(listener) {
      const timer = setInterval(() => {
        const state = stateOf(path)
        if (state === seen) return
        seen = state
        listener(read(path, algorithm))
      }, POLL_MS).unref()
      return () => clearInterval(timer)
    },
  }
}

/** Changes whenever the file does: its content, its rights, and which file the name leads to. */
function stateOf(path: string): string {
  const state = statSync(path, { throwIfNoEntry: false, bigint: true })
  return state === undefined ? '' : [state.ino, state.size, state.mtimeNs, state.ctimeNs, state.mode, state.uid].join()
}

function read(path: string, algorithm: SigningAlgorithm): FileKeys | string {
  const bytes = readGuardedFile(path)
  if (typeof bytes === 'string') return bytes
  const list = parseJsonObject(bytes)?.['keys']
  bytes.fill(0)
  if (!isJsonArray(list)) return 'it is not a JWK Set: { "keys": [ … ] }'
  if (list.length > MAX_KEYS) return `it holds more than ${MAX_KEYS} keys`
  const keys: SigningKey[] = []
  for (const [index, jwk] of list.entries()) {
    const key = readKey(jwk, algorithm)
    if (typeof key === 'string') return `its key ${index} ${key}`
    if (!keys.some(({ jwk: { kid } }) => kid === key.jwk.kid)) keys.push(key)
  }
  const [first, ...following] = keys
  return first === undefined ? 'it holds no key' : [first, ...following]
}

function readKey(jwk: JsonValue, algorithm: SigningAlgorithm): SigningKey | string {
  if (!isJsonObject(jwk)) return 'is not a JWK'
  const { kid, alg, use } = jwk
  // RFC 8725 §3.1: one key, one algorithm.
  if (alg !== undefined && alg !== algorithm) return `is not one of ${algorithm}`
  if (use !== undefined && use !== 'sig') return 'is not meant for signatures'
  const members: JsonWebKey = { ...jwk }
  try {
    const key = createSigningKey('key', algorithm, createPrivateKey({ key: members, format: 'jwk' }))
    return kid === undefined || kid === key.jwk.kid ? key : 'has a kid that is not its RFC 7638 thumbprint: leave kid out'
  } catch (cause) {
    // The cause of OpenSSL would tell of the key.
    return cause instanceof MisuseError ? cause.message.replace(/^key: | \(http.*$/g, '') : 'is not a private key'
  }
}
