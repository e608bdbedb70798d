import { defineFormat } from './define-format.js'
import { parseLinkerdIdentity } from './linkerd-identity.js'
import { fieldOf } from './signal.js'
import { parseXfcc } from './xfcc.js'
import { parseXfccJson } from './xfcc-json.js'

const XFCC = { xfcc: 'x-forwarded-client-cert' }

/**
 * proxy-passed-through: Envoy writes the field for whatever certificate it was shown, also where `trust_chain_verification` accepts
 * untrusted ones. Source: Envoy's documentation and code. Needs SANITIZE_SET, or APPEND_FORWARD and `hops`; `cert` or `chain` in
 * `set_current_client_cert_details`, or a name is all there is.
 */
export const envoyXfcc = defineFormat({
  name: 'envoy-xfcc',
  fields: XFCC,
  provenance: 'proxy-passed-through',
  basis: 'source',
  parse: (fields, hops) => parseXfcc(fieldOf(fields, 'xfcc'), hops),
})

/**
 * As envoy-xfcc. Unverified: the names of the members were not seen. Needs `set_client_cert_format` on every Envoy of the way, since one
 * that appends keeps the form of what came in.
 */
export const envoyXfccJson = defineFormat({
  name: 'envoy-xfcc-json',
  fields: XFCC,
  provenance: 'proxy-passed-through',
  basis: 'unverified',
  parse: (fields, hops) => parseXfccJson(fieldOf(fields, 'xfcc'), hops),
})

/**
 * proxy-asserted: a sidecar sends no certificate unless told to. Source: Envoy's. Sidecars append (set `hops` to their number), gateways
 * replace; ambient mode sends nothing without the annotation `ambient.istio.io/xfcc-include-client-identity`.
 */
export const istio = defineFormat({ ...envoyXfcc, name: 'istio', provenance: 'proxy-asserted' })

/**
 * proxy-asserted: there is no certificate. Source: the code of linkerd2-proxy, which sets the field or removes it on every request.
 */
export const linkerd = defineFormat({
  name: 'linkerd',
  fields: { identity: 'l5d-client-id' },
  provenance: 'proxy-asserted',
  basis: 'source',
  parse: (fields) => parseLinkerdIdentity(fieldOf(fields, 'identity')),
})
