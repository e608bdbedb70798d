import { idOf } from './certificates.js'
import type { PresetName } from './presets.js'
import type { ProofKind } from './proofs.js'
import type { Denied, Expected, Given, Granted, Row } from './row.js'

const BEARER = 'Bearer realm="countersign"'
const DPOP = 'DPoP algs="ES256 PS256 RS256 Ed25519 EdDSA"'
const ALICE: Granted = { id: 'alice', evidence: ['jwt'], keyProven: true }
const INVALID_PROOF = { status: 401, challenge: `${DPOP}, error="invalid_dpop_proof"` } as const
const INVALID_TOKEN = { status: 401, challenge: `${DPOP}, error="invalid_token"` } as const
const INVALID_WORKLOAD = { status: 401, challenge: 'WPT' } as const
const UNENCRYPTED: Denied = { code: 'ERR_PEER_UNENCRYPTED', status: 403 }

/** Tokens that are bound to a key, and the proofs of it: DPoP (RFC 9449) and WIMSE. */
export const PROOF_ROWS: readonly Row[] = [
  dpop('good', 'accepts a proof of the key that the token is bound to', ALICE),
  row(
    'asks-for-proof',
    'names the algorithms of proofs where nothing is presented',
    { preset: 'dpop' },
    { code: 'ERR_TOKEN_MISSING', status: 401, challenge: DPOP },
  ),
  row(
    'asks-for-either',
    'names both schemes where nothing is presented and both are accepted',
    { preset: 'bearer-or-dpop' },
    { code: 'ERR_TOKEN_MISSING', status: 401, challenge: `${BEARER}, ${DPOP}` },
  ),
  row(
    'bearer-beside-dpop',
    'still accepts a bearer token where the options say so',
    { preset: 'bearer-or-dpop', token: 'unbound' },
    {
      id: 'alice',
      evidence: ['jwt'],
    },
  ),
  row(
    'error-under-its-scheme',
    'says what is wrong under the scheme that was used',
    { preset: 'bearer-or-dpop', token: 'expired' },
    { code: 'ERR_TOKEN_EXPIRED', status: 401, challenge: `${BEARER}, error="invalid_token", ${DPOP}` },
  ),
  row(
    'error-under-dpop',
    'says what is wrong with a proof under DPoP alone',
    { preset: 'bearer-or-dpop', proof: 'garbage' },
    { code: 'ERR_PROOF_MALFORMED', status: 401, challenge: `${BEARER}, ${DPOP}, error="invalid_dpop_proof"` },
  ),
  row(
    'two-schemes',
    'refuses a bearer token beside a proven one, and says so of both schemes',
    { preset: 'bearer-or-dpop', proof: 'good', fields: [['Authorization', 'Bearer TOKEN']] },
    {
      code: 'ERR_TOKEN_REPEATED',
      status: 400,
      challenge: `${BEARER}, error="invalid_request", ${DPOP}, error="invalid_request"`,
    },
  ),
  dpop('as bearer', 'refuses a token that is bound to a key as a bearer token', { code: 'ERR_TOKEN_BINDING', ...INVALID_TOKEN }),
  dpop('of unbound token', 'refuses to prove a key that the token is not bound to', { code: 'ERR_TOKEN_UNBOUND', ...INVALID_TOKEN }),
  row(
    'unbound-where-proof-is-demanded',
    'refuses a bearer token where a key must be proven',
    { preset: 'dpop', token: 'unbound' },
    { code: 'ERR_TOKEN_UNBOUND', ...INVALID_TOKEN },
  ),
  dpop('for expired token', 'tells an expired token before its proof', { code: 'ERR_TOKEN_EXPIRED', ...INVALID_TOKEN }),
  dpop('missing', 'refuses a token without its proof', { code: 'ERR_PROOF_MISSING', ...INVALID_PROOF }),
  dpop('twice', 'refuses two proofs, though both are good', {
    code: 'ERR_PROOF_REPEATED',
    status: 400,
    challenge: `${DPOP}, error="invalid_request"`,
  }),
  dpop('too large', 'refuses a proof that is too large', { code: 'ERR_PROOF_TOO_LARGE', status: 431 }),
  dpop('garbage', 'refuses text that is no proof', { code: 'ERR_PROOF_MALFORMED', ...INVALID_PROOF }),
  dpop('other type', 'refuses a proof of another type', { code: 'ERR_PROOF_TYPE', ...INVALID_PROOF }),
  dpop('without signature', 'refuses a proof that says it needs no signature', { code: 'ERR_PROOF_ALGORITHM', ...INVALID_PROOF }),
  dpop('with private key', 'refuses a proof with a private key in it', { code: 'ERR_PROOF_KEY', ...INVALID_PROOF }),
  dpop('signature flipped', 'refuses a proof with another signature', { code: 'ERR_PROOF_SIGNATURE', ...INVALID_PROOF }),
  dpop('without jti', 'refuses a proof without an id', { code: 'ERR_PROOF_CLAIM', ...INVALID_PROOF }),
  dpop('jti too long', 'refuses a proof with an oversized id', { code: 'ERR_PROOF_CLAIM', ...INVALID_PROOF }),
  dpop('for POST', 'refuses a proof for another method', { code: 'ERR_PROOF_METHOD', ...INVALID_PROOF }),
  dpop('for another path', 'refuses a proof for another path', { code: 'ERR_PROOF_TARGET', ...INVALID_PROOF }),
  row(
    'for-another-host',
    'takes the host of no field for its own',
    { preset: 'dpop', proof: 'for another host' },
    { code: 'ERR_PROOF_TARGET', ...INVALID_PROOF },
  ),
  dpop('for another token', 'refuses a proof for another token', { code: 'ERR_PROOF_TOKEN', ...INVALID_PROOF }),
  dpop('of another key', 'refuses a proof of another key', { code: 'ERR_PROOF_BINDING', ...INVALID_TOKEN }),
  dpop('too old', 'refuses a proof that is too old', { code: 'ERR_PROOF_EXPIRED', ...INVALID_PROOF }),
  dpop('of the future', 'refuses a proof that was made in the future', { code: 'ERR_PROOF_ISSUED_IN_FUTURE', ...INVALID_PROOF }),
  row(
    'replayed',
    'refuses a proof that was used before',
    { preset: 'dpop', proof: 'good', before: 1 },
    { code: 'ERR_PROOF_REPLAYED', ...INVALID_PROOF },
  ),
  row(
    'nonce-demanded',
    'demands its nonce, in an answer that no cache keeps',
    { preset: 'dpop-nonce', proof: 'good' },
    { code: 'ERR_PROOF_NONCE', status: 401, challenge: `${DPOP}, error="use_dpop_nonce"` },
  ),
  row(
    'replay-store-down',
    'answers 503 while it cannot be told whether a proof was used',
    { preset: 'dpop-replay-down', proof: 'good' },
    { code: 'ERR_REPLAY_UNAVAILABLE', sent: 'ERR_UNAVAILABLE', status: 503 },
  ),
  row(
    'with-certificate',
    'accepts a token that is bound to a certificate and a key, with both',
    { preset: 'certificate-and-dpop', certificate: 'orders', proof: 'with certificate' },
    { id: idOf('/orders'), evidence: ['mtls', 'jwt'], boundTo: 'orders', keyProven: true },
    UNENCRYPTED,
  ),
  row(
    'with-another-certificate',
    'refuses it with another certificate, though the key is proven',
    { preset: 'certificate-and-dpop', certificate: 'shipping', proof: 'with certificate' },
    { code: 'ERR_TOKEN_BINDING', status: 401, challenge: `${BEARER}, ${DPOP}, error="invalid_token"` },
    UNENCRYPTED,
  ),

  // WIMSE
  workload('workload', 'accepts a workload by its token and a proof', { id: idOf('/orders'), evidence: ['jwt'], keyProven: true }),
  row(
    'workload-missing',
    'asks for a workload’s proof without parameters',
    { preset: 'workloads' },
    { code: 'ERR_TOKEN_MISSING', status: 401, challenge: 'WPT' },
  ),
  workload('workload alone', 'refuses a workload’s token without a proof', { code: 'ERR_PROOF_MISSING', ...INVALID_WORKLOAD }),
  workload('workload in Authorization', 'refuses a workload’s token as a bearer token', { code: 'ERR_TOKEN_SCHEME', ...INVALID_WORKLOAD }),
  workload('workload twice', 'refuses two proofs of a workload', { code: 'ERR_TOKEN_REPEATED', status: 400, challenge: 'WPT' }),
  workload('workload proof flipped', 'refuses a workload’s proof with another signature', {
    code: 'ERR_PROOF_SIGNATURE',
    ...INVALID_WORKLOAD,
  }),
  workload('workload proof for another path', 'refuses a workload’s proof for another path', {
    code: 'ERR_PROOF_TARGET',
    ...INVALID_WORKLOAD,
  }),
  workload('workload proof of another algorithm', 'refuses a workload’s proof of another algorithm than its key has', {
    code: 'ERR_PROOF_ALGORITHM',
    ...INVALID_WORKLOAD,
  }),
  workload('workload transaction uncovered', 'refuses a transaction token that the proof does not cover', {
    code: 'ERR_PROOF_TOKEN',
    ...INVALID_WORKLOAD,
  }),
  workload('workload transaction covered', 'accepts a transaction token that the proof covers', {
    id: idOf('/orders'),
    evidence: ['jwt'],
    keyProven: true,
  }),
  row(
    'workload-replayed',
    'refuses a workload’s proof that was used before',
    { preset: 'workloads', proof: 'workload', before: 1 },
    {
      code: 'ERR_PROOF_REPLAYED',
      ...INVALID_WORKLOAD,
    },
  ),
]

function dpop(proof: ProofKind, claim: string, expected: Expected): Row {
  return proven('dpop', proof, claim, expected)
}

function workload(proof: ProofKind, claim: string, expected: Expected): Row {
  return proven('workloads', proof, claim, expected)
}

function proven(preset: PresetName, proof: ProofKind, claim: string, expected: Expected): Row {
  return row(proof.replaceAll(' ', '-'), claim, { preset, proof }, expected)
}

function row(id: string, claim: string, given: Given, expected: Expected, clear: Row['clear'] = 'the same'): Row {
  return { id: `proof/${id}`, claim, requirements: ['B11'], given, expected, clear }
}
