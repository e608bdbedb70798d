import { idOf } from './certificates.js'
import type { KeyKind } from './keys.js'
import {
  ASKS_FOR_EITHER,
  ASKS_FOR_KEY,
  type Denied,
  type Given,
  type Granted,
  INVALID_BESIDE_KEYS,
  KEY_REPEATED,
  type Row,
  UNENCRYPTED,
} from './row.js'

const BY_KEY: Granted = { id: idOf('/orders'), evidence: ['api-key'] }
const KEY_MISSING: Denied = { code: 'ERR_API_KEY_MISSING', status: 401, ...ASKS_FOR_KEY }
const KEY_INVALID: Denied = { code: 'ERR_API_KEY_INVALID', status: 401, ...ASKS_FOR_KEY }

/** API keys, and what they are worth beside other evidence. */
export const KEY_ROWS: readonly Row[] = [
  // accepted
  keyed('orders', 'accepts a key in a field of its own', BY_KEY),
  sent('in-authorization', 'accepts a key in Authorization', ['Authorization', 'ApiKey APIKEY'], BY_KEY),
  sent('scheme-in-other-case', 'knows the scheme of keys in other letters', ['authorization', 'apikey APIKEY'], BY_KEY),
  keyed('batch', 'accepts a key whose owner is no workload', { id: 'batch', evidence: ['api-key'] }),
  row(
    'scopes',
    'counts the scopes of a key',
    ['B3'],
    { preset: 'keys-and-scopes', apiKey: 'orders', target: '/invoices/7' },
    { ...BY_KEY },
  ),

  // nothing presented, or not in one piece
  row('missing', 'asks for a key without naming an error', ['B3'], { preset: 'api-key' }, KEY_MISSING),
  sent('bearer', 'takes no bearer token for a key', ['Authorization', 'Bearer APIKEY'], KEY_MISSING),
  row('in-the-query', 'does not look for a key in the query', ['B3'], { preset: 'api-key', target: '/?api_key=APIKEY' }, KEY_MISSING),
  row(
    'repeated',
    'refuses two fields with a key, though both are good',
    ['X2'],
    { preset: 'api-key', apiKey: 'orders', fields: [['x-api-key', 'APIKEY']] },
    { code: 'ERR_API_KEY_REPEATED', status: 400, ...KEY_REPEATED },
  ),
  row(
    'repeated-in-two-places',
    'refuses a key in Authorization beside one in its own field',
    ['X2'],
    { preset: 'api-key', apiKey: 'orders', fields: [['Authorization', 'ApiKey APIKEY']] },
    { code: 'ERR_API_KEY_REPEATED', status: 400, ...KEY_REPEATED },
  ),

  // no key that is accepted
  keyed('garbage', 'refuses what has not the form of a key', {
    ...KEY_INVALID,
    code: 'ERR_API_KEY_MALFORMED',
    sent: 'ERR_API_KEY_INVALID',
  }),
  keyed('unknown', 'refuses a key that does not exist, and does not tell', {
    ...KEY_INVALID,
    code: 'ERR_API_KEY_UNKNOWN',
    sent: 'ERR_API_KEY_INVALID',
  }),
  keyed('wrong', 'refuses a key with another secret', KEY_INVALID),
  keyed('foreign', 'refuses a key whose owner may not have one here', KEY_INVALID),
  keyed('expired', 'refuses an expired key', { code: 'ERR_API_KEY_EXPIRED', status: 401, ...ASKS_FOR_KEY }, ['A23', 'B17']),
  keyed('revoked', 'refuses a key whose record says that it was revoked', { code: 'ERR_API_KEY_REVOKED', status: 401, ...ASKS_FOR_KEY }),
  row(
    'on-the-list',
    'refuses a key that the revocation list names',
    ['X2'],
    { preset: 'keys-revocable', apiKey: 'on-the-list' },
    { code: 'ERR_API_KEY_REVOKED', status: 401, ...ASKS_FOR_KEY },
  ),
  row(
    'expires',
    'refuses on an open connection a key that has expired since',
    ['A23', 'B17'],
    { preset: 'keys-over-time', apiKey: 'orders', before: 1, thenSeconds: 91 * 86_400 },
    { code: 'ERR_API_KEY_EXPIRED', status: 401, ...ASKS_FOR_KEY },
  ),
  row(
    'unavailable',
    'answers 503, not 401, while keys cannot be looked up',
    ['X2'],
    { preset: 'keys-not-found', apiKey: 'orders' },
    { code: 'ERR_API_KEYS_UNAVAILABLE', sent: 'ERR_UNAVAILABLE', status: 503 },
  ),
  row(
    'locked',
    'locks an address out of a key that it guesses at, and says until when',
    ['B31'],
    { preset: 'key-lock', apiKey: 'wrong', before: 1 },
    { code: 'ERR_API_KEY_LOCKED', status: 429, headers: { 'Retry-After': '1800' } },
  ),
  row(
    'lock-ends',
    'counts anew once a lock has ended',
    ['B31'],
    { preset: 'key-lock-over-time', apiKey: 'wrong', before: 2, thenSeconds: 1800 },
    KEY_INVALID,
  ),

  // beside a certificate
  row(
    'with-certificate',
    'accepts the key of the service whose certificate it is',
    ['A13', 'B3'],
    { preset: 'certificate-and-key', certificate: 'orders', apiKey: 'orders' },
    { id: idOf('/orders'), evidence: ['mtls', 'api-key'] },
    UNENCRYPTED,
  ),
  row(
    'of-another',
    'refuses the key of another service than the certificate is of',
    ['A13'],
    { preset: 'certificate-and-key', certificate: 'orders', apiKey: 'shipping' },
    { code: 'ERR_API_KEY_BINDING', status: 401, ...ASKS_FOR_KEY },
    UNENCRYPTED,
  ),
  row(
    'without-certificate',
    'does not take a key for the certificate that is required too',
    ['B3'],
    { preset: 'certificate-and-key', apiKey: 'orders' },
    { code: 'ERR_PEER_MISSING', status: 403 },
    UNENCRYPTED,
  ),
  row(
    'certificate-without',
    'does not take a certificate for the key that is required too',
    ['B3'],
    { preset: 'certificate-and-key', certificate: 'orders' },
    KEY_MISSING,
    UNENCRYPTED,
  ),

  // beside the token of a workload
  row(
    'with-workload',
    'accepts the key of the workload whose token it is',
    ['A13', 'B3'],
    { preset: 'workloads-and-keys', proof: 'workload', apiKey: 'orders' },
    { id: idOf('/orders'), evidence: ['jwt', 'api-key'], keyProven: true },
  ),
  row(
    'of-another-workload',
    'refuses the key of another workload than the token is of',
    ['A13', 'E14'],
    { preset: 'workloads-and-keys', proof: 'workload', apiKey: 'shipping' },
    { code: 'ERR_API_KEY_BINDING', status: 401, challenge: `WPT, ${ASKS_FOR_KEY.challenge}` },
  ),
  row(
    'beside-unproven-workload',
    'refuses a workload’s token without a proof beside a good key in Authorization',
    ['E14'],
    { preset: 'workloads-and-keys', proof: 'workload alone', fields: [['Authorization', 'ApiKey APIKEY']] },
    { code: 'ERR_PROOF_MISSING', status: 401, challenge: `WPT, ${ASKS_FOR_KEY.challenge}` },
  ),

  // bad evidence is final
  row(
    'bad-token-is-final',
    'refuses a bad token beside a good key',
    ['E14'],
    { preset: 'any-of-three', token: 'signature-flipped', apiKey: 'orders' },
    { code: 'ERR_TOKEN_SIGNATURE', status: 401, ...INVALID_BESIDE_KEYS },
  ),
  row(
    'bad-key-is-final',
    'refuses a bad key beside a good token',
    ['E14'],
    { preset: 'any-of-three', token: 'unbound', apiKey: 'unknown' },
    { ...KEY_INVALID, ...ASKS_FOR_EITHER, code: 'ERR_API_KEY_UNKNOWN', sent: 'ERR_API_KEY_INVALID' },
  ),
  row(
    'bad-key-beside-certificate-is-final',
    'refuses a bad key beside a good certificate',
    ['E14'],
    { preset: 'any-of-three', certificate: 'orders', apiKey: 'wrong' },
    { ...KEY_INVALID, ...ASKS_FOR_EITHER },
  ),
  row(
    'bad-certificate-is-final',
    'refuses a bad certificate beside a good key',
    ['E14'],
    { preset: 'any-of-three', certificate: 'expired', apiKey: 'orders' },
    { code: 'ERR_PEER_EXPIRED', status: 403 },
    BY_KEY,
  ),
  row(
    'any-with-none',
    'asks for a token where a key would do too',
    ['B3'],
    { preset: 'any-of-three' },
    { code: 'ERR_TOKEN_MISSING', status: 401, ...ASKS_FOR_EITHER },
  ),
]

function keyed(apiKey: KeyKind, claim: string, expected: Row['expected'], requirements: readonly string[] = ['B8']): Row {
  return row(apiKey, claim, requirements, { preset: 'api-key', apiKey }, expected)
}

function sent(id: string, claim: string, field: readonly [string, string], expected: Row['expected']): Row {
  return row(id, claim, ['B3'], { preset: 'api-key', fields: [field] }, expected)
}

function row(
  id: string,
  claim: string,
  requirements: readonly string[],
  given: Given,
  expected: Row['expected'],
  clear: Row['clear'] = 'the same',
): Row {
  return { id: `key/${id}`, claim, requirements, given, expected, clear }
}
