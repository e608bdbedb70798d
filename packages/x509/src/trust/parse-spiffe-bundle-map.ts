import { isJsonObject, type JsonObject, MisuseError } from '@countersign/core'
import { isTrustDomain, type SpiffeBundle, spiffeBundleFrom } from './parse-spiffe-bundle.js'
import { readBundle, readDocument } from './read-bundle.js'

const MAX_MAP_BYTES = 4 * 1024 * 1024
/** A mesh federates with tens. */
const MAX_TRUST_DOMAINS = 1_000

/**
 * Reads a SPIFFE bundle map, whole or not at all. Each bundle stays with its trust domain; a name that comes twice is refused.
 *
 * @throws {MisuseError} `ERR_TRUST_UNREADABLE`
 * @see https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE_Trust_Domain_and_Bundle.md#5-spiffe-bundle-map
 */
export function parseSpiffeBundleMap(json: string | Uint8Array): ReadonlyMap<string, SpiffeBundle> {
  const document = readDocument(json, MAX_MAP_BYTES)
  const bundles = typeof document === 'string' ? document : readBundles(document)
  if (typeof bundles === 'string') throw new MisuseError('ERR_TRUST_UNREADABLE', '', `the SPIFFE bundle map holds ${bundles}`)
  return bundles
}

function readBundles({ trust_domains: domains }: JsonObject<bigint>): ReadonlyMap<string, SpiffeBundle> | string {
  // Trust Domain and Bundle §5.1.1: must be set, may be empty.
  if (!isJsonObject(domains)) return 'no trust_domains'
  const entries = Object.entries(domains)
  if (entries.length > MAX_TRUST_DOMAINS) return `more than ${MAX_TRUST_DOMAINS} trust domains`
  const bundles = new Map<string, SpiffeBundle>()
  for (const [i, [trustDomain, document]] of entries.entries()) {
    if (!isTrustDomain(trustDomain)) return `a name that is no trust domain, as entry ${i + 1}`
    const bundle = isJsonObject(document) ? readBundle(document) : 'no object'
    if (typeof bundle === 'string') return `${bundle}, of entry ${i + 1}`
    bundles.set(trustDomain, spiffeBundleFrom(bundle, trustDomain))
  }
  return bundles
}
