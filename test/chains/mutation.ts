import type { Random } from '../differential/random.js'
import type { CertificateSpec, ExtensionSpec } from './certificate.js'
import type { KeyPool } from './keys.js'

/** What a mutation may draw from. */
export interface Sources {
  readonly random: Random
  readonly keys: KeyPool
}

/** Changes certificates before they are signed. */
export interface Mutation {
  readonly name: string
  /** @returns what it chose to do, for the label of the case. */
  change(spec: CertificateSpec, sources: Sources): string
}

export type Way = (spec: CertificateSpec, sources: Sources) => void

/** One of several ways, named in the label. */
export function oneOf(name: string, ways: Readonly<Record<string, Way>>): Mutation {
  return {
    name,
    change(spec, sources) {
      const way = sources.random.pick(Object.keys(ways))
      ways[way]?.(spec, sources)
      return way
    },
  }
}

/** Puts a value into the place of an extension, or adds it. */
export function put(spec: CertificateSpec, extension: ExtensionSpec): void {
  const list = spec.extensions ?? []
  spec.extensions = list
  const at = list.findIndex(({ oid }) => oid === extension.oid)
  if (at === -1) list.push(extension)
  else list[at] = extension
}

export function drop(spec: CertificateSpec, oid: string): void {
  spec.extensions = spec.extensions?.filter((extension) => extension.oid !== oid) ?? null
  if (spec.extensions?.length === 0) spec.extensions = null
}

export function find(spec: CertificateSpec, oid: string): ExtensionSpec | undefined {
  return spec.extensions?.find((extension) => extension.oid === oid)
}
