import {
  type Connection,
  encodePem,
  type Finding,
  type Inbound,
  isRefusal,
  type Peer,
  type PeerVerifier,
  type Provenance,
  type Refusal,
  refuse,
  type Surroundings,
} from '@countersign/core'
import { type CheckedOptions, checkMtlsOptions } from './check-options.js'
import { createConnectionVerifier } from './connection-verifier.js'
import { createDenyCheck } from './deny-list.js'
import { checkForwardedOptions } from './forwarded/check-forwarded.js'
import type { ForwardedFormat } from './forwarded/format.js'
import type { ForwardedOptions } from './forwarded/forwarded-options.js'
import { createForwardedVerifier, type ForwardedVerifier } from './forwarded/forwarded-verifier.js'
import { createLeafVerifier } from './leaf-verifier.js'
import type { MtlsOptions } from './options.js'
import { describeRevocation } from './revocation/revocation-sources.js'
import { openTrustState, type TrustState } from './trust/trust-state.js'

/**
 * Names of CAs that go into a handshake. They share a field of 64 KiB (RFC 8446 §4.2.4), and with more than fits no handshake succeeds, of
 * whichever trust domain: a bundle of somebody else's must not come near.
 */
const MAX_NAMED_BYTES = 32_768

/** Judges client certificates, and can be told to look at its files at once. */
export interface CertificateVerifier extends PeerVerifier {
  /** Looks at all files now instead of at the next interval. `true`: something changed and is in use. */
  reload(): boolean
}

/**
 * Judges client certificates: verified once a leaf, judged again on every request.
 *
 * @param forwarded proxies whose word counts for who the client is. Default: none.
 * @throws {MisuseError} for a wrong option (`ERR_OPTION_…`), and `ERR_TRUST_UNREADABLE` for files that cannot be read or hold nothing usable.
 * @example
 * ```ts
 * const verifier = createPeerVerifier({ trust: 'ca.pem' }, surroundings)
 * const finding = verifier.recall(inbound) ?? (await verifier.verify(inbound))
 * ```
 */
export function createPeerVerifier(
  options: MtlsOptions,
  surroundings: Surroundings,
  forwarded: ForwardedOptions | readonly ForwardedOptions[] | null = null,
): CertificateVerifier {
  const checked = checkMtlsOptions('mtls', options)
  const proxySettings = checkForwardedOptions('forwarded', forwarded)
  const { clock } = surroundings
  const states: TrustState[] = []
  const state = open(checked)
  const { trust } = state
  const leaves = createLeafVerifier(checked, state, 'connection', surroundings)
  const connections = createConnectionVerifier(leaves, clock)
  const denied = checked.denyList === null ? null : createDenyCheck(checked.denyList)
  const proxies = proxySettings.map((settings) => {
    const judgedBy = settings.trust === null ? checked : { ...checked, trust: settings.trust }
    const judge = createLeafVerifier(
      judgedBy,
      settings.trust === null ? state : open(judgedBy),
      provenanceOf(settings.format),
      surroundings,
    )
    return createForwardedVerifier(settings, judgedBy, judge, surroundings)
  })

  function open(wanted: CheckedOptions): TrustState {
    try {
      const opened = openTrustState(wanted, surroundings)
      states.push(opened)
      return opened
    } catch (error) {
      for (const other of states) other.close()
      throw error
    }
  }

  /** Whoever was found, unless the list refuses them. */
  function unlessDenied<Known extends Finding<Peer> | undefined>(found: Known): Known | Refusal {
    return denied === null || found === undefined || found === null || isRefusal(found) ? found : (denied(found) ?? found)
  }

  function ownOf(connection: Connection): Finding<Peer> | undefined {
    return unlessDenied(connections.recall(connection))
  }

  function proxyOf(connection: Connection, own: Peer | null): ForwardedVerifier | undefined {
    return proxies.find((proxy) => proxy.isFrom(connection, own))
  }

  /**
   * The proxy that sent a request, once the client's address is written into it; `null`: none did.
   * @param own what the certificate of the connection proves.
   */
  function locateBehindProxy(inbound: Inbound, own: Finding<Peer>): ForwardedVerifier | Refusal | null {
    if (proxies.length === 0 || isRefusal(own)) return null
    const proxy = proxyOf(inbound.connection, own)
    if (proxy === undefined) return null
    const address = proxy.clientAddressOf(inbound)
    if (isRefusal(address)) return address
    if (address !== null) inbound.clientAddress = address
    return proxy
  }

  function recall(inbound: Inbound): Finding<Peer> | undefined {
    const own = ownOf(inbound.connection)
    if (own === undefined) return undefined
    const proxy = locateBehindProxy(inbound, own)
    if (proxy === null) return own
    // Never the certificate of the connection, which is the proxy's own: without a client's there is no peer.
    return isRefusal(proxy) ? proxy : unlessDenied(proxy.recall(inbound))
  }

  async function verifyNow(inbound: Inbound): Promise<Finding<Peer>> {
    const recalled = ownOf(inbound.connection)
    const own = recalled === undefined ? unlessDenied(await connections.verify(inbound.connection)) : recalled
    const proxy = locateBehindProxy(inbound, own)
    if (proxy === null) return own
    if (isRefusal(proxy)) return proxy
    const known = proxy.recall(inbound)
    return unlessDenied(known === undefined ? await proxy.verify(inbound) : known)
  }

  function locate(inbound: Inbound): Refusal | null {
    if (proxies.length === 0) return null
    const own = ownOf(inbound.connection)
    const proxy = own === undefined ? null : locateBehindProxy(inbound, own)
    return isRefusal(proxy) ? proxy : null
  }

  function proxyFields({ connection }: Inbound): readonly string[] | null | undefined {
    if (proxies.length === 0) return null
    const own = ownOf(connection)
    if (own === undefined) return undefined
    return isRefusal(own) ? null : (proxyOf(connection, own)?.fields ?? null)
  }

  function judge(peer: Peer, inbound?: Inbound): Refusal | null {
    if (peer.provenance !== 'connection') {
      if (inbound === undefined) return refuse('ERR_PEER_UNTRUSTED', { reason: 'unknown-proxy' })
      const { connection } = inbound
      // Who says so must still be who may.
      const own = unlessDenied(connections.judge(connection))
      if (isRefusal(own)) return own
      if (proxyOf(connection, own) === undefined) return refuse('ERR_PEER_UNTRUSTED', { reason: 'unknown-proxy' })
    }
    for (const verifier of [leaves, ...proxies]) {
      const judged = verifier.judge(peer, clock.nowMs())
      if (judged !== undefined) return judged ?? denied?.(peer) ?? null
    }
    return refuse('ERR_PEER_UNTRUSTED', { reason: 'unknown-peer' })
  }

  // Asked for each new connection, and written anew only when trust has changed.
  let written: { readonly epoch: number; readonly pem: readonly string[] } | null = null
  function trustAnchors(): readonly string[] {
    const anchors = trust.all().anchors
    const named = anchors.reduce((sum, { certificate }) => sum + 2 + certificate.subject.der.length, 0) <= MAX_NAMED_BYTES ? anchors : []
    if (written?.epoch !== state.epoch() || written.pem.length !== named.length)
      written = { epoch: state.epoch(), pem: named.map((anchor) => encodePem('CERTIFICATE', anchor.certificate.der)) }
    return written.pem
  }

  return {
    kind: 'mtls',
    recall,
    async verify(inbound) {
      try {
        return await verifyNow(inbound)
      } catch (fault) {
        return refuse('ERR_GUARD_FAULT', { part: 'mtls' }, fault)
      }
    },
    judge,
    locate,
    proxyFields,
    forwardedFields: proxies.flatMap((proxy) => proxy.fields),
    trustAnchors,
    reload: () => states.map((one) => one.reload()).includes(true),
    async ready() {
      for (const one of states) await one.ready()
    },
    async close() {
      for (const one of states) one.close()
    },
    toString: () =>
      [
        `trust ${trust}`,
        describeRevocation(checked),
        ...(denied === null ? [] : ['a deny list']),
        ...proxySettings.map(describeProxy),
      ].join(', '),
  }
}

/** Of certificates: a format that merely asserts identities may hold some all the same. */
function provenanceOf({ provenance }: ForwardedFormat): Provenance {
  return provenance === 'proxy-asserted' ? 'proxy-passed-through' : provenance
}

function describeProxy({ format, from, clientAddress }: ReturnType<typeof checkForwardedOptions>[number]): string {
  const who =
    from.kind === 'peer' ? 'proven by its certificate' : from.kind === 'unix' ? 'on a Unix socket' : 'believed by its address alone'
  return `certificates from ${format.name} ${who}${clientAddress === null ? '' : ` and addresses from ${clientAddress}`}`
}
