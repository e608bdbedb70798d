import {
  askRevocationList,
  checkKeys,
  isCurrentList,
  isRevocationList,
  joinPath,
  kindOf,
  MisuseError,
  type Peer,
  type Refusal,
  type RevocationKind,
  type RevocationList,
  refuse,
} from '@countersign/core'
import { checkWhenUnavailable } from './check-when-unavailable.js'
import { leafEvidence } from './leaf-evidence.js'

/** Who is refused whatever their certificate says, by a list of our own. */
export interface DenyListOptions {
  /** Asked on every request, and never waited for. */
  readonly list: RevocationList
  /** The list is too old: by what it says itself with `'refuse'` (503), or by so many seconds, 1 to 86,400. Default `'refuse'`. */
  readonly whenUnavailable?: 'refuse' | { readonly staleSeconds: number }
}

/** {@link DenyListOptions}, checked. */
export interface CheckedDenyList {
  readonly list: RevocationList
  /** `null`: what the list itself says. */
  readonly maxAgeMs: number | null
}

/** Is this peer still let in? Never waits. */
export type DenyCheck = (peer: Peer) => Refusal | null

/** The certificate proves who calls here and now, so only entries that hold whatever was issued concern it. */
const ISSUED_NOW = Number.MAX_SAFE_INTEGER

/** @throws {MisuseError} `ERR_OPTION_INVALID`, `ERR_OPTION_UNKNOWN`. */
export function checkDenyList(option: string, denyList: unknown): CheckedDenyList {
  if (isRevocationList(denyList)) return Object.freeze({ list: denyList, maxAgeMs: null })
  checkKeys(option, denyList, ['list', 'whenUnavailable'])
  const { list, whenUnavailable = 'refuse' } = denyList
  if (!isRevocationList(list)) {
    const fix = 'takes an object with has(kind, id, issuedAtMs) and ageMs, such as mesh.revocations'
    throw new MisuseError('ERR_OPTION_INVALID', joinPath(option, 'list'), `${fix}, not ${kindOf(list)}`)
  }
  const graceMs = checkWhenUnavailable(joinPath(option, 'whenUnavailable'), whenUnavailable, ['refuse'])
  return Object.freeze({ list, maxAgeMs: whenUnavailable === 'refuse' ? null : graceMs })
}

/** Makes the check. A peer that was let in is asked about again only once the list has changed, if the list says when. */
export function createDenyCheck({ list, maxAgeMs }: CheckedDenyList): DenyCheck {
  const clearedIn = new WeakMap<Peer, number>()

  function ask(peer: Peer): Refusal | null {
    const { certificate } = peer
    return (certificate === null ? null : askAbout(peer, 'certificate', certificate['x5t#S256'])) ?? askAbout(peer, 'service', peer.id)
  }

  function askAbout(peer: Peer, kind: RevocationKind, id: string): Refusal | null {
    const isDenied = askRevocationList(list, kind, id, ISSUED_NOW)
    if (isDenied === false) return null
    return isDenied === true ? refusalOf(peer, 'ERR_PEER_REVOKED', kind) : refusalOf(peer, 'ERR_PEER_REVOCATION_UNKNOWN', 'list-silent')
  }

  return (peer) => {
    try {
      if (!isCurrentList(list, maxAgeMs)) return refusalOf(peer, 'ERR_PEER_REVOCATION_UNKNOWN', 'list-outdated')
      const { epoch } = list
      if (epoch !== undefined && clearedIn.get(peer) === epoch) return null
      const found = ask(peer)
      if (found === null && epoch !== undefined) clearedIn.set(peer, epoch)
      return found
    } catch (cause) {
      return refusalOf(peer, 'ERR_PEER_REVOCATION_UNKNOWN', 'list-silent', cause)
    }
  }
}

function refusalOf(
  { certificate }: Peer,
  code: 'ERR_PEER_REVOKED' | 'ERR_PEER_REVOCATION_UNKNOWN',
  what: string,
  cause?: unknown,
): Refusal {
  const facts = code === 'ERR_PEER_REVOKED' ? { denied: what } : { reason: what }
  const refusal = refuse(code, facts, cause)
  return certificate === null ? refusal : { ...refusal, evidence: leafEvidence(certificate) }
}
