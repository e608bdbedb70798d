import { checkKeys, checkText, MisuseError, type NameMatch, parseSpiffeId } from '@countersign/core'
import type { JwtOptions } from '@countersign/token'
import type { CheckedMeshOptions } from './check-options.js'
import type { MeshCore } from './mesh-core.js'

/** Which tokens of a mesh a guard accepts. */
export interface MeshJwtOptions {
  /** Id of the service that the guard protects. */
  readonly audience: string | readonly string[]
  /** Whom its tokens may speak for. Default: the services of the mesh, and nobody else. */
  readonly subjects?: JwtOptions['subjects']
}

/**
 * The options of a guard for tokens of this mesh: its issuer, the keys of all its processes, what was revoked anywhere.
 * @throws {MisuseError}
 */
export function jwtOptionsOf(core: MeshCore, rules: CheckedMeshOptions, options: MeshJwtOptions): JwtOptions {
  checkKeys('options', options, ['audience', 'subjects'])
  const audiences = typeof options.audience === 'string' ? [options.audience] : options.audience
  for (const audience of audiences) {
    if (rules.services.get(checkText('options.audience', audience)) === undefined)
      throw new MisuseError('ERR_OPTION_INVALID', 'options.audience', 'takes ids of services of this mesh')
  }
  return Object.freeze<JwtOptions>({
    issuer: core.issuer,
    audience: options.audience,
    keys: core.directory,
    algorithms: [core.keys.algorithm],
    type: 'at+jwt',
    requiredClaims: ['client_id', 'iat'],
    subjects: options.subjects ?? subjectsOf(rules),
    binding: rules.isMtlsRequired ? 'mtls' : 'if-bound',
    revocation: { list: core.revocations, whenUnavailable: rules.staleMs === null ? 'refuse' : { staleSeconds: rules.staleMs / 1000 } },
    clockSkewSeconds: core.skewMs / 1000,
  })
}

/** Services may be added while the mesh runs: their trust domains, and what else they are called now. */
function subjectsOf({ services }: CheckedMeshOptions): readonly NameMatch[] {
  const trustDomains = new Set<string>()
  const names: string[] = []
  for (const id of services.ids()) {
    const spiffeId = parseSpiffeId(id)
    if (spiffeId === null) names.push(id)
    else trustDomains.add(spiffeId.trustDomain)
  }
  return [...names, ...[...trustDomains].map((trustDomain) => ({ trustDomain }))]
}
