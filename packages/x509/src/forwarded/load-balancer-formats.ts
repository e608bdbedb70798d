import { isRefusal } from '@countersign/core'
import { parseApiGatewayContext } from './api-gateway.js'
import { parseBase64Der } from './base64-der.js'
import { decodeClientCert } from './client-cert.js'
import { defineFormat } from './define-format.js'
import { decodeEscapedPem, parseEscapedPemChain } from './escaped-pem.js'
import { decodePemOrBase64 } from './folded-pem.js'
import type { ForwardedFields, ForwardedResult } from './format.js'
import { isSerial, isSha1Hex, isSha256Base64, isSpiffeId, isValidity } from './redundant.js'
import { checked, fieldOf, judged, type Signal, type Texts, textsOf, verifySignal } from './signal.js'

/** What GCP says in `client_cert_error` of a client that simply has no certificate. */
const GCP_NO_CERTIFICATE = 'client_cert_not_provided'

/**
 * proxy-verified: a listener writes -Leaf in its verify mode alone. Unverified. Serial number and validity are held against the leaf, the
 * DN fields are not compared.
 */
export const albVerify = defineFormat({
  name: 'aws-alb-verify',
  fields: {
    certificate: 'x-amzn-mtls-clientcert-leaf',
    serial: 'x-amzn-mtls-clientcert-serial-number',
    validity: 'x-amzn-mtls-clientcert-validity',
  },
  provenance: 'proxy-verified',
  basis: 'unverified',
  parse: parseAlbVerify,
})

/**
 * proxy-passed-through: nothing was validated. Unverified. The chain that the client sent, leaf first.
 */
export const albPassthrough = defineFormat({
  name: 'aws-alb-passthrough',
  fields: { certificate: 'x-amzn-mtls-clientcert' },
  provenance: 'proxy-passed-through',
  basis: 'unverified',
  parse: (fields) => parseEscapedPemChain(fieldOf(fields, 'certificate')),
})

/**
 * proxy-verified, against the trust store of the custom domain. Unverified. Needs the Lambda Web Adapter; the default execute-api endpoint
 * must be disabled.
 */
export const apiGateway = defineFormat({
  name: 'api-gateway',
  fields: { context: 'x-amzn-request-context' },
  provenance: 'proxy-verified',
  basis: 'unverified',
  parse: (fields) => parseApiGatewayContext(fieldOf(fields, 'context')),
})

/**
 * proxy-verified, by client_cert_chain_verified. Unverified. Needs custom request headers for client_cert_leaf, client_cert_chain,
 * client_cert_present, client_cert_chain_verified and client_cert_error; the fingerprint and the SPIFFE ID are held against the leaf.
 */
export const gcp = defineFormat({
  name: 'gcp',
  fields: {
    certificate: 'x-client-cert-leaf',
    chain: 'x-client-cert-chain',
    present: 'x-client-cert-present',
    verified: 'x-client-cert-chain-verified',
    error: 'x-client-cert-error',
    hash: 'x-client-cert-hash',
    spiffeId: 'x-client-cert-spiffe',
  },
  lists: ['chain'],
  provenance: 'proxy-verified',
  basis: 'unverified',
  parse: parseGcp,
})

/**
 * proxy-passed-through: nothing was validated, and the optional modes hand on certificates whose key nobody proved (reported). Unverified.
 * Needs the mode Required.
 */
export const azureAppService = defineFormat({
  name: 'azure-app-service',
  fields: { certificate: 'x-arr-clientcert' },
  provenance: 'proxy-passed-through',
  basis: 'unverified',
  parse: (fields) => parseBase64Der(fieldOf(fields, 'certificate')),
})

/**
 * proxy-verified, by {var_client_certificate_verification}. Unverified: PEM and base64 are both read. Needs rewrite rules that set both
 * fields; the SHA-1 fingerprint and the serial number are held against the leaf where they are sent.
 */
export const azureAppGateway = defineFormat({
  name: 'azure-app-gateway',
  fields: {
    certificate: 'x-client-certificate',
    verify: 'x-client-certificate-verification',
    fingerprint: 'x-client-certificate-fingerprint',
    serial: 'x-client-certificate-serial',
  },
  provenance: 'proxy-verified',
  basis: 'unverified',
  parse: parseAppGateway,
})

/** AWS load balancer that verifies: escaped PEM of the leaf, and what it says of it. */
function parseAlbVerify(fields: ForwardedFields): ForwardedResult {
  return checked(
    decodeEscapedPem(fieldOf(fields, 'certificate'), 'certificate'),
    fields,
    [
      ['serial', isSerial],
      ['validity', isValidity],
    ],
    'proxy-verified',
  )
}

/** Google Cloud: the fields of RFC 9440, and three that say what became of the check. */
function parseGcp(fields: ForwardedFields): ForwardedResult {
  const texts = textsOf(fields, 'present', 'verified', 'error')
  if (isRefusal(texts)) return texts
  const decoded = decodeClientCert(fieldOf(fields, 'certificate'), fieldOf(fields, 'chain'), 'certificate')
  return checked(
    judged(decoded, gcpSignal(texts), texts.error === '' ? 'verified' : 'error'),
    fields,
    [
      ['hash', isSha256Base64],
      ['spiffeId', isSpiffeId],
    ],
    'proxy-verified',
  )
}

function gcpSignal({ present, verified, error }: Texts<'present' | 'verified' | 'error'>): Signal {
  const said = `${present},${verified}`
  if (error !== '') return error === GCP_NO_CERTIFICATE && (said === 'false,false' || said === 'false,') ? 'none' : 'proxy-error'
  switch (said) {
    case 'true,true':
      return 'verified'
    case 'true,false':
      return 'failed'
    case 'false,false':
    case 'false,':
      return 'none'
    case 'true,':
    case ',':
    case ',true':
    case ',false':
      return 'silent'
    default:
      return 'unknown'
  }
}

/** Azure Application Gateway: PEM or base64, and `{var_client_certificate_verification}`. */
function parseAppGateway(fields: ForwardedFields): ForwardedResult {
  const texts = textsOf(fields, 'verify')
  if (isRefusal(texts)) return texts
  const decoded = decodePemOrBase64(fieldOf(fields, 'certificate'), 'certificate')
  return checked(
    judged(decoded, verifySignal(texts.verify), 'verify'),
    fields,
    [
      ['fingerprint', isSha1Hex],
      ['serial', isSerial],
    ],
    'proxy-verified',
  )
}
