import {
  catalogueEntry,
  type Facts,
  type Grant,
  type Inbound,
  type Meter,
  type Peer,
  type Principal,
  type Recorder,
  type Refusal,
  refuse,
  type SecurityEvent,
  tokenFacts,
} from '@countersign/core'
import { loggablePath } from './loggable.js'

/** Sees every decision, and writes down what the audit options ask for. Nothing it does can turn a decision into a grant. */
export interface Witness {
  /** @returns a refusal where the event is lost and the options say that the request must not go on then. */
  allowed(grant: Grant): Refusal | null
  /** @param caller as far as the way went: the verified peer, or the principal. */
  denied(refusal: Refusal, inbound: Inbound, caller: Peer | Principal | null): void
  ignored(inbound: Inbound, ignored: IgnoredFields): void
  report(event: SecurityEvent): void
}

/** Fields that say who the client is, or hand a session on, and were not believed. */
export interface IgnoredFields {
  /** Their names as they came. */
  readonly names: readonly string[]
  readonly reason: keyof typeof IGNORED
  /** The verified peer of the request. */
  readonly peer: Peer | null
  /** They are those of a proxy that the options name. */
  readonly configured: boolean
}

const IGNORED = {
  'not-from-proxy': 'Fields that say who the client is came from somebody who is no trusted proxy: they were ignored',
  'no-session-here': 'A session was handed on to where none is accepted, or by somebody who is not known: it was ignored',
  'not-this-format': 'A trusted proxy said who the client is in fields that forwarded.format does not have: they were ignored',
}
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'CONNECT', 'TRACE'])

export function createWitness(recorder: Recorder, meter: Meter | null): Witness {
  const granted = meter?.createCounter('service_auth_successful_total', { description: 'Requests let through' })
  const refused = meter?.createCounter('service_auth_failed_total', { description: 'Requests refused, by code' })
  const refusedPeers = meter?.createCounter('mtls_rejections_total', {
    description: 'Requests refused for their client certificate, by code',
  })

  let toldOfProxy = false

  function report(event: SecurityEvent): void {
    if (recorder.wants(event.kind)) recorder.record(event)
  }

  return {
    allowed(grant) {
      granted?.add(1)
      if (!recorder.wants('request.allowed')) return null
      const { principal, inbound } = grant
      const facts: WrittenFacts = {}
      addCaller(facts, inbound, principal)
      facts['evidence'] = principal.evidence
      const kept = recorder.record({ kind: 'request.allowed', severity: 'info', message: 'request allowed', facts })
      return kept ? null : refuse('ERR_AUDIT_UNAVAILABLE')
    },
    denied({ code, facts, evidence, cause }, inbound, caller) {
      harmless(() => {
        const { stage, status, title } = catalogueEntry(code)
        refused?.add(1, { failure_reason: code })
        if (stage === 'peer') refusedPeers?.add(1, { code })
        if (!recorder.wants('request.denied')) return
        const all: WrittenFacts = { ...facts }
        addCaller(all, inbound, caller)
        if (evidence !== undefined) Object.assign(all, evidence)
        recorder.record({
          kind: 'request.denied',
          severity: status === 503 ? 'error' : 'warn',
          code,
          message: title,
          facts: all,
          ...(cause === undefined ? {} : { cause }),
        })
      })
    },
    ignored(inbound, { names, reason, peer, configured }) {
      harmless(() => {
        if (configured && reason === 'not-from-proxy' && peer !== null && !toldOfProxy) {
          toldOfProxy = true
          report(unknownProxy(peer))
        }
        if (!recorder.wants('forwarded.ignored')) return
        const facts: WrittenFacts = {}
        addRequest(facts, inbound, peer)
        facts['reason'] = reason
        facts['fields'] = names.map((name) => name.toLowerCase())
        recorder.record({ kind: 'forwarded.ignored', severity: 'warn', message: IGNORED[reason], facts })
      })
    },
    report,
  }
}

// Whoever sets up a proxy and misspells its name sees nothing but refusals otherwise.
function unknownProxy({ id }: Peer): SecurityEvent {
  return {
    kind: 'guard.misused',
    severity: 'warn',
    message: 'The fields that forwarded names came from a caller with a certificate of its own that forwarded.from does not allow',
    facts: { peer: id },
  }
}

/** Written into one object: a flood of denials builds them in vain, and an object put together of others costs three times as much. */
type WrittenFacts = { -readonly [Name in keyof Facts]: Facts[Name] }

function addCaller(facts: WrittenFacts, inbound: Inbound, caller: Peer | Principal | null): void {
  if (caller === null || 'provenance' in caller) {
    addRequest(facts, inbound, caller)
    return
  }
  const { id, peer, token, apiKey, session } = caller
  addRequest(facts, inbound, peer)
  facts['principal'] = id
  if (token !== null) Object.assign(facts, tokenFacts(token))
  if (apiKey !== null) facts['apiKeyId'] = apiKey.id
  if (session === null) return
  facts['session'] = session.id
  facts['correlationId'] = session.correlationId
}

function addRequest(facts: WrittenFacts, { clientAddress, connection, method, protocol, target }: Inbound, peer: Peer | null): void {
  const { remoteAddress, proxyAddress, transport } = connection
  facts['remoteAddress'] = remoteAddress
  if (proxyAddress !== null) facts['proxyAddress'] = proxyAddress
  if (clientAddress !== remoteAddress) facts['clientAddress'] = clientAddress
  facts['transport'] = transport
  facts['protocol'] = protocol
  facts['method'] = METHODS.has(method) ? method : 'other'
  facts['path'] = loggablePath(target)
  if (peer === null) return
  facts['peer'] = peer.id
  const { certificate } = peer
  if (certificate === null) return
  facts['serialNumber'] = certificate.serialNumber
  facts['fingerprint256'] = certificate.fingerprint256
}

/** A refusal or a peer of somebody else's verifier may be anything: what cannot be told of it must not turn a denial into a crash. */
function harmless(act: () => void): void {
  try {
    act()
  } catch {
    // The denial itself is sent all the same.
  }
}
