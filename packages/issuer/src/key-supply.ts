import { KeyObject } from 'node:crypto'
import { checkKeys, checkText, kindOf, MisuseError } from '@countersign/core'
import { type FileKeys, openKeyFile } from './key-file.js'
import { createRemoteKey, type Signer } from './remote-signer.js'
import type { SigningAlgorithm } from './signing-algorithm.js'
import { type BackgroundKey, createSigningKey, makeSigningKey } from './signing-key.js'

/**
 * Where private keys come from. `'generated'`: made here, and never leave. A `KeyObject`, or several: the first signs and the others
 * follow it; after the last, keys are generated. `file`: a JWKS of private keys, mode 0600, read again when it changes; the first
 * signs and the others are published. A {@link Signer}, or several, likewise; no key is made here in their place.
 */
export type KeysSource = 'generated' | KeyObject | readonly KeyObject[] | { readonly file: string } | Signer | readonly Signer[]

/** What a ring gets its keys from. */
export interface KeySupply {
  readonly kind: 'generated' | 'given' | 'file' | 'remote'
  readonly first: BackgroundKey
  readonly following: readonly BackgroundKey[]
  /**
   * A new key.
   * @throws {MisuseError} where there can be none.
   */
  make(): Promise<BackgroundKey>
  watch(listener: (keys: FileKeys | string) => void): () => void
}

/**
 * Opens what the option names.
 * @throws {MisuseError}
 */
export function openKeySupply(option: string, keys: KeysSource, algorithm: SigningAlgorithm, signTimeoutMs: number): KeySupply {
  const made = { make: () => makeSigningKey(algorithm), watch: () => () => {} }
  if (keys === 'generated') return { kind: 'generated', first: createSigningKey('options.algorithm', algorithm), following: [], ...made }
  if (typeof keys === 'object' && 'file' in keys) {
    const given: unknown = keys
    checkKeys(option, given, ['file'])
    const file = openKeyFile(`${option}.file`, checkText(`${option}.file`, keys.file), algorithm)
    const [first, ...following] = file.keys
    return { ...made, kind: 'file', first, following, watch: file.watch }
  }
  const list: readonly unknown[] = Array.isArray(keys) ? keys : [keys]
  const pathOf = (index: number): string => (Array.isArray(keys) ? `${option}[${index}]` : option)
  if (list.length > 0 && list.every((key) => key instanceof KeyObject)) {
    const [first, ...following] = list.map((key, index) => createSigningKey(pathOf(index), algorithm, key))
    if (first !== undefined) return { kind: 'given', first, following, ...made }
  }
  if (list.length > 0 && list.every(isSigner)) {
    const [first, ...following] = list.map((signer, index) => createRemoteKey(pathOf(index), signer, algorithm, signTimeoutMs))
    const make = (): Promise<never> => Promise.reject(new MisuseError('ERR_OPTION_MISSING', option, 'has no further signer to rotate to'))
    if (first !== undefined) return { kind: 'remote', first, following, make, watch: made.watch }
  }
  throw new MisuseError('ERR_OPTION_INVALID', option, `takes 'generated', private KeyObjects, { file } or signers, not ${kindOf(keys)}`)
}

function isSigner(value: unknown): value is Signer {
  return (
    typeof value === 'object' &&
    value !== null &&
    'publicJwk' in value &&
    isRecord(value.publicJwk) &&
    'sign' in value &&
    typeof value.sign === 'function'
  )
}

function isRecord(value: unknown): boolean {
  return typeof value === 'object' && value !== null
}
