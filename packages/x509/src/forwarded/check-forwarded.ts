import {
  type Connection,
  checkChoice,
  checkInteger,
  checkKeys,
  checkList,
  checkText,
  compileAddressRanges,
  compileIdentityMatch,
  compileNameMatch,
  fieldSpelling,
  joinPath,
  kindOf,
  MisuseError,
  type Peer,
} from '@countersign/core'
import { checkTrust, type TrustSetting } from '../check-options.js'
import type { ForwardedFormat } from './format.js'
import { FORWARDED_FORMATS } from './formats.js'

/** {@link ForwardedOptions}, checked and complete. */
export interface CheckedForwarded {
  readonly option: string
  readonly format: ForwardedFormat
  readonly from: ProxyTest
  /** Names of the fields by role. */
  readonly fields: Readonly<Record<string, string>>
  readonly hops: number
  /** `null`: nobody is believed to be who the proxy merely says. */
  readonly maySpeakFor: ((name: string) => boolean) | null
  /** `null`: that of `mtls`. */
  readonly trust: TrustSetting | null
  readonly clientAddress: 'x-forwarded-for' | 'forwarded' | null
}

/** @param peer who the connection's own certificate proves to be at its other end. */
export type ProxyTest =
  | { readonly kind: 'peer'; matches(peer: Peer): boolean }
  | { readonly kind: 'unix' }
  | { readonly kind: 'address'; matches(connection: Connection): boolean }

/** Meshes have an edge, an ingress and a sidecar. */
const MAX_HOPS = 10
/** RFC 9110 §5.1, lowercase as fields are compared. */
const FIELD_NAME = /^[a-z0-9_-]{1,64}$/
const DNS_NAME = /^[a-z0-9_](?:[a-z0-9_-]{0,62})(?:\.[a-z0-9_](?:[a-z0-9_-]{0,62}))*$/

/** @throws {MisuseError} for a wrong, missing or unknown option. */
export function checkForwardedOptions(option: string, options: unknown): readonly CheckedForwarded[] {
  if (options === null || options === undefined) return []
  if (!Array.isArray(options)) return [checkOne(option, options)]
  return checkList(option, options).map((entry, i) => checkOne(`${option}[${i}]`, entry))
}

function checkOne(option: string, options: unknown): CheckedForwarded {
  checkKeys(option, options, ['format', 'from', 'fields', 'hops', 'subjects', 'trust', 'clientAddress'])
  const at = (key: string): string => joinPath(option, key)
  const { from, fields = {}, hops = 1, subjects, trust, clientAddress = null } = options
  const format = checkFormat(at('format'), options['format'])
  if (format.provenance === 'proxy-asserted' && subjects === undefined) {
    const fix = `must be said: ${format.name} hands no certificate on, so write whom the proxy may name: subjects: [{ trustDomain: 'cluster.local' }]`
    throw new MisuseError('ERR_OPTION_MISSING', at('subjects'), fix)
  }
  return Object.freeze({
    option,
    format,
    from: checkFrom(at('from'), from),
    fields: checkFields(at('fields'), fields, format),
    hops: checkInteger(at('hops'), hops, 1, MAX_HOPS),
    maySpeakFor: subjects === undefined ? null : checkSubjects(at('subjects'), subjects),
    trust: trust === undefined ? null : checkTrust(at('trust'), trust),
    clientAddress: clientAddress === null ? null : checkChoice(at('clientAddress'), clientAddress, ['x-forwarded-for', 'forwarded']),
  })
}

function checkFormat(option: string, name: unknown): ForwardedFormat {
  const names = [...FORWARDED_FORMATS.keys()]
  if (name === undefined) throw new MisuseError('ERR_OPTION_MISSING', option, `must be said: one of ${names.join(', ')}`)
  const format = [...FORWARDED_FORMATS.values()].find((known) => known.name === name)
  if (format !== undefined) return format
  throw new MisuseError('ERR_OPTION_INVALID', option, `takes one of ${names.join(', ')}, not ${kindOf(name)}`)
}

function checkFrom(option: string, from: unknown): ProxyTest {
  if (from === undefined) {
    const fix = "must be said: who the proxy is, by its own client certificate: from: { peer: 'spiffe://prod.example/ingress' }"
    throw new MisuseError('ERR_OPTION_MISSING', option, fix)
  }
  if (typeof from === 'string') throw new MisuseError('ERR_OPTION_INVALID', option, 'takes an object: write from: { peer: … }')
  checkKeys(option, from, ['peer', 'unixSocket', 'dangerouslyAddress'])
  if (Object.keys(from).length !== 1)
    throw new MisuseError('ERR_OPTION_CONTRADICTION', option, 'takes one of { peer }, { unixSocket: true } and { dangerouslyAddress }')
  if ('peer' in from) return { kind: 'peer', matches: checkProxyNames(joinPath(option, 'peer'), from['peer']) }
  if ('unixSocket' in from) {
    if (from['unixSocket'] !== true)
      throw new MisuseError('ERR_OPTION_INVALID', joinPath(option, 'unixSocket'), 'takes true: the rights on the socket say who it is')
    return { kind: 'unix' }
  }
  const matches = compileAddressRanges(joinPath(option, 'dangerouslyAddress'), from['dangerouslyAddress'])
  // What hands connections on by the PROXY protocol does not read requests: its own address is not that of a proxy that does.
  return { kind: 'address', matches: ({ remoteAddress, proxyAddress }) => remoteAddress !== proxyAddress && matches(remoteAddress) }
}

function checkProxyNames(option: string, names: unknown): (peer: Peer) => boolean {
  const entries = Array.isArray(names)
    ? checkList(option, names).map((name, i) => [`${option}[${i}]`, name] as const)
    : [[option, names] as const]
  const tests = entries.map(([at, name]) => compileIdentityMatch(at, name))
  // A common name or a mailbox may be anybody's text: where callers are identified by those too, it names no proxy.
  return ({ identity }) => (identity.kind === 'spiffe' || identity.kind === 'dns') && tests.some((test) => test(identity))
}

function checkFields(option: string, fields: unknown, format: ForwardedFormat): Readonly<Record<string, string>> {
  const roles = Object.keys(format.fields)
  checkKeys(option, fields, roles)
  const named: Record<string, string> = { ...format.fields }
  for (const role of roles) {
    const name = fields[role]
    if (name === undefined) continue
    if (typeof name !== 'string' || !FIELD_NAME.test(name.toLowerCase()))
      throw new MisuseError('ERR_OPTION_INVALID', joinPath(option, role), 'takes the name of a header field, such as x-ssl-client-cert')
    named[role] = name.toLowerCase()
  }
  const spellings = Object.values(named).map(fieldSpelling)
  if (new Set(spellings).size < spellings.length) throw new MisuseError('ERR_OPTION_CONTRADICTION', option, 'names one field for two roles')
  return Object.freeze(named)
}

function checkSubjects(option: string, subjects: unknown): (name: string) => boolean {
  const tests = checkList(option, subjects).map((subject, i) => checkSubject(`${option}[${i}]`, subject))
  return (name) => tests.some((test) => test(name))
}

function checkSubject(option: string, subject: unknown): (name: string) => boolean {
  if (typeof subject !== 'object' || subject === null || !('dnsUnder' in subject)) return compileNameMatch(option, subject)
  checkKeys(option, subject, ['dnsUnder'])
  const suffix = checkText(joinPath(option, 'dnsUnder'), subject['dnsUnder'])
  if (!DNS_NAME.test(suffix)) {
    const fix = 'takes a DNS name in lower case without a leading dot, such as identity.linkerd.cluster.local'
    throw new MisuseError('ERR_OPTION_INVALID', joinPath(option, 'dnsUnder'), fix)
  }
  return (name) => name.length > suffix.length + 1 && name.endsWith(`.${suffix}`)
}
