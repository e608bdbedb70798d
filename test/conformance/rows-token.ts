import { idOf } from './certificates.js'
import {
  ASKS_FOR_TOKEN,
  type Denied,
  type Given,
  type Granted,
  INSUFFICIENT_SCOPE,
  INVALID_REQUEST,
  INVALID_TOKEN,
  type Row,
  UNENCRYPTED,
} from './row.js'
import type { TokenKind } from './tokens.js'

const BOTH: Granted = { id: idOf('/orders'), evidence: ['mtls', 'jwt'], boundTo: 'orders' }
const NO_CERTIFICATE_FOR_IT: Denied = { code: 'ERR_TOKEN_BINDING', status: 401, ...INVALID_TOKEN }

/** Tokens, and what they are worth beside a certificate or without one. */
export const TOKEN_ROWS: readonly Row[] = [
  // accepted
  both('bound', 'accepts a token bound to the certificate', BOTH),
  both('for-alice', 'accepts a bound token that speaks for somebody else', { ...BOTH, subject: 'alice' }),
  both('in-its-skew', 'accepts a token that is as long past its end as clocks may differ', BOTH),
  both('several-audiences', 'accepts a token for this and another service', BOTH),
  bearer('unbound', 'accepts a bearer token from whoever holds it, where the options say so', { id: 'alice', evidence: ['jwt'] }),
  sent('scheme-in-other-case', 'knows the scheme in other letters', ['authorization', 'bearer TOKEN'], { id: 'alice', evidence: ['jwt'] }),

  // nothing presented, or not in one piece
  row(
    'missing',
    'asks for a token without naming an error',
    { preset: 'certificate-and-token', certificate: 'orders' },
    { code: 'ERR_TOKEN_MISSING', status: 401, ...ASKS_FOR_TOKEN },
    UNENCRYPTED,
  ),
  sent('other-scheme', 'refuses another scheme', ['Authorization', 'Basic YWxpY2U6c2VjcmV0'], {
    code: 'ERR_TOKEN_SCHEME',
    status: 401,
    ...ASKS_FOR_TOKEN,
  }),
  sent('no-scheme', 'refuses a token without its scheme', ['Authorization', 'TOKEN'], {
    code: 'ERR_TOKEN_SCHEME',
    status: 401,
    ...ASKS_FOR_TOKEN,
  }),
  sent('nothing-after-scheme', 'refuses a scheme without a token', ['Authorization', 'Bearer'], {
    code: 'ERR_TOKEN_MALFORMED',
    status: 401,
    ...INVALID_TOKEN,
  }),
  sent('comma-joined', 'refuses two tokens joined by a comma', ['Authorization', 'Bearer TOKEN, Bearer TOKEN'], {
    code: 'ERR_TOKEN_MALFORMED',
    status: 401,
    ...INVALID_TOKEN,
  }),
  row(
    'repeated',
    'refuses two Authorization fields, though both are good',
    { preset: 'bearer-token', token: 'unbound', fields: [['Authorization', 'Bearer TOKEN']] },
    { code: 'ERR_TOKEN_REPEATED', status: 400, ...INVALID_REQUEST },
  ),
  row(
    'repeated-with-other-scheme',
    'refuses a token beside other credentials',
    { preset: 'bearer-token', token: 'unbound', fields: [['authorization', 'Basic YTpi']] },
    { code: 'ERR_TOKEN_REPEATED', status: 400, ...INVALID_REQUEST },
  ),
  row(
    'in-the-query',
    'does not look for a token in the query',
    { preset: 'bearer-token', target: '/?access_token=TOKEN' },
    { code: 'ERR_TOKEN_MISSING', status: 401, ...ASKS_FOR_TOKEN },
  ),

  // not a token of this issuer for this service
  refused('garbage', 'text that is no token', { code: 'ERR_TOKEN_MALFORMED', status: 401, ...INVALID_TOKEN }),
  refused('four-segments', 'a token with a segment too many', { code: 'ERR_TOKEN_MALFORMED', status: 401, ...INVALID_TOKEN }),
  refused('not-base64url', 'a token that is not base64url', { code: 'ERR_TOKEN_MALFORMED', status: 401, ...INVALID_TOKEN }),
  refused('not-json', 'a token whose header is no JSON', { code: 'ERR_TOKEN_MALFORMED', status: 401, ...INVALID_TOKEN }),
  refused('member-twice', 'a token that names its algorithm twice', { code: 'ERR_TOKEN_MALFORMED', status: 401, ...INVALID_TOKEN }),
  refused('claims-as-list', 'a token whose claims are a list', { code: 'ERR_TOKEN_MALFORMED', status: 401, ...INVALID_TOKEN }),
  refused('too-large', 'a token that is too large', { code: 'ERR_TOKEN_TOO_LARGE', status: 431 }),
  refused('algorithm-none', 'a token that says it needs no signature', { code: 'ERR_TOKEN_UNSIGNED', status: 401, ...INVALID_TOKEN }),
  refused('algorithm-none-with-signature', 'a token that says so in other letters', {
    code: 'ERR_TOKEN_UNSIGNED',
    status: 401,
    ...INVALID_TOKEN,
  }),
  refused('signature-cut-off', 'a token without its signature', { code: 'ERR_TOKEN_UNSIGNED', status: 401, ...INVALID_TOKEN }),
  refused('symmetric-with-public-key', 'a token signed with the public key as a secret', {
    code: 'ERR_TOKEN_ALGORITHM',
    status: 401,
    ...INVALID_TOKEN,
  }),
  refused('algorithm-not-accepted', 'a token of another algorithm', { code: 'ERR_TOKEN_ALGORITHM', status: 401, ...INVALID_TOKEN }),
  refused('wrong-type', 'a token of another type', { code: 'ERR_TOKEN_TYPE', status: 401, ...INVALID_TOKEN }),
  refused('no-type', 'a token without a type', { code: 'ERR_TOKEN_TYPE', status: 401, ...INVALID_TOKEN }),
  refused('critical-extension', 'a token that demands an extension', { code: 'ERR_TOKEN_CRITICAL', status: 401, ...INVALID_TOKEN }),
  refused('embedded-key', 'a token that brings its own key', { code: 'ERR_TOKEN_KEY_EMBEDDED', status: 401, ...INVALID_TOKEN }),
  refused('unknown-key', 'a token under an unknown key', { code: 'ERR_TOKEN_KEY_UNKNOWN', status: 401, ...INVALID_TOKEN }),
  refused('key-of-prototype', 'a token under a key with the name of a prototype', {
    code: 'ERR_TOKEN_KEY_UNKNOWN',
    status: 401,
    ...INVALID_TOKEN,
  }),
  refused('key-of-another', 'a token signed by somebody else under the same key ID', {
    code: 'ERR_TOKEN_SIGNATURE',
    status: 401,
    ...INVALID_TOKEN,
  }),
  refused('signature-flipped', 'a token with another signature', { code: 'ERR_TOKEN_SIGNATURE', status: 401, ...INVALID_TOKEN }),
  refused('payload-changed', 'a token with other claims than were signed', { code: 'ERR_TOKEN_SIGNATURE', status: 401, ...INVALID_TOKEN }),
  refused('other-issuer', 'a token of another issuer', { code: 'ERR_TOKEN_ISSUER', status: 401, ...INVALID_TOKEN }),
  refused('issuer-with-slash', 'a token of an issuer that is spelled with a slash', {
    code: 'ERR_TOKEN_ISSUER',
    status: 401,
    ...INVALID_TOKEN,
  }),
  refused('other-audience', 'a token for another service', { code: 'ERR_TOKEN_AUDIENCE', status: 401, ...INVALID_TOKEN }),
  refused('audience-as-prefix', 'a token for a service whose name begins like this one', {
    code: 'ERR_TOKEN_AUDIENCE',
    status: 401,
    ...INVALID_TOKEN,
  }),
  refused('foreign-subject', 'a subject that its issuer may not speak for', { code: 'ERR_TOKEN_SUBJECT', status: 401, ...INVALID_TOKEN }),
  refused('no-expiry', 'a token without an end', { code: 'ERR_TOKEN_CLAIM_MISSING', status: 401, ...INVALID_TOKEN }),
  refused('no-subject', 'a token without a subject', { code: 'ERR_TOKEN_CLAIM_MISSING', status: 401, ...INVALID_TOKEN }),
  refused('no-audience', 'a token without an audience', { code: 'ERR_TOKEN_CLAIM_MISSING', status: 401, ...INVALID_TOKEN }),
  refused('no-issuer', 'a token without an issuer', { code: 'ERR_TOKEN_CLAIM_MISSING', status: 401, ...INVALID_TOKEN }),
  refused('expiry-as-text', 'an end that is no number', { code: 'ERR_TOKEN_CLAIM_INVALID', status: 401, ...INVALID_TOKEN }),
  refused('not-before-as-text', 'a beginning that is no number', { code: 'ERR_TOKEN_CLAIM_INVALID', status: 401, ...INVALID_TOKEN }),
  refused('subject-as-number', 'a subject that is no text', { code: 'ERR_TOKEN_CLAIM_INVALID', status: 401, ...INVALID_TOKEN }),
  refused('confirmation-as-text', 'a binding that is none', { code: 'ERR_TOKEN_CLAIM_INVALID', status: 401, ...INVALID_TOKEN }),
  refused('bound-by-other-means', 'a token bound by a method that is not understood, for it is no bearer token', {
    code: 'ERR_TOKEN_BINDING',
    status: 401,
    ...INVALID_TOKEN,
  }),
  refused('expired', 'an expired token', { code: 'ERR_TOKEN_EXPIRED', status: 401, ...INVALID_TOKEN }),
  refused('not-yet-valid', 'a token that is not valid yet', { code: 'ERR_TOKEN_NOT_YET_VALID', status: 401, ...INVALID_TOKEN }),
  refused('issued-in-future', 'a token issued in the future', { code: 'ERR_TOKEN_ISSUED_IN_FUTURE', status: 401, ...INVALID_TOKEN }),

  // binding
  both('bound-to-another', 'refuses a token bound to another certificate', { code: 'ERR_TOKEN_BINDING', status: 401, ...INVALID_TOKEN }),
  both('unbound-orders', 'refuses a token that is bound to nothing', { code: 'ERR_TOKEN_UNBOUND', status: 401, ...INVALID_TOKEN }),
  {
    ...both('bound', 'refuses a token with another certificate of the same name', {
      code: 'ERR_TOKEN_BINDING',
      status: 401,
      ...INVALID_TOKEN,
    }),
    id: 'token/renewed-certificate',
    given: { preset: 'certificate-and-token', certificate: 'orders-again', token: 'bound' },
  },
  row(
    'bound-as-bearer',
    'refuses a bound token without its certificate',
    { preset: 'bearer-token', token: 'bound' },
    NO_CERTIFICATE_FOR_IT,
  ),

  // revocation and keys
  {
    ...both('revoked', 'refuses a revoked token', { code: 'ERR_TOKEN_REVOKED', status: 401, ...INVALID_TOKEN }),
    given: { preset: 'tokens-revocable', certificate: 'orders', token: 'revoked' },
    clear: { code: 'ERR_TOKEN_REVOKED', status: 401, ...INVALID_TOKEN },
  },
  {
    ...both('bound', 'refuses every token while it is not known which are revoked', {
      code: 'ERR_TOKEN_REVOCATION_UNKNOWN',
      sent: 'ERR_UNAVAILABLE',
      status: 503,
    }),
    id: 'token/revocation-unknown',
    given: { preset: 'tokens-revocation-outdated', certificate: 'orders', token: 'bound' },
    clear: 'the same',
  },
  {
    ...both('bound', 'answers 503, not 401, while the keys of the issuer cannot be had', {
      code: 'ERR_KEYS_UNAVAILABLE',
      sent: 'ERR_UNAVAILABLE',
      status: 503,
    }),
    id: 'token/keys-unavailable',
    given: { preset: 'keys-unreachable', certificate: 'orders', token: 'bound' },
    clear: 'the same',
  },

  // tokens that their issuer is asked about
  {
    ...both('opaque', 'accepts a token that its issuer says is active and bound to the certificate', BOTH),
    given: { preset: 'tokens-asked-about', certificate: 'orders', token: 'opaque' },
    clear: UNENCRYPTED,
  },
  {
    ...both('opaque-inactive', 'refuses a token that its issuer says is not active', {
      code: 'ERR_TOKEN_INACTIVE',
      status: 401,
      ...INVALID_TOKEN,
    }),
    given: { preset: 'tokens-asked-about', certificate: 'orders', token: 'opaque-inactive' },
    clear: { code: 'ERR_TOKEN_INACTIVE', status: 401, ...INVALID_TOKEN },
  },
  {
    ...both('bound', 'accepts a JWT beside an issuer that is asked', BOTH),
    id: 'token/jwt-beside-opaque',
    given: { preset: 'tokens-asked-about', certificate: 'orders', token: 'bound' },
  },
  {
    ...both('opaque', 'answers 503, not 401, while the issuer cannot be asked', {
      code: 'ERR_INTROSPECTION_UNAVAILABLE',
      sent: 'ERR_UNAVAILABLE',
      status: 503,
    }),
    id: 'token/introspection-unavailable',
    given: { preset: 'issuer-not-answering', certificate: 'orders', token: 'opaque' },
    clear: 'the same',
  },

  // which evidence is enough
  row(
    'any-by-certificate',
    'takes a certificate where either is enough',
    { preset: 'either-one', certificate: 'orders' },
    { id: idOf('/orders'), evidence: ['mtls'] },
    { code: 'ERR_TOKEN_MISSING', status: 401, ...ASKS_FOR_TOKEN },
  ),
  row(
    'any-by-token',
    'takes a token where either is enough',
    { preset: 'either-one', token: 'unbound' },
    { id: 'alice', evidence: ['jwt'] },
  ),
  row(
    'any-with-none',
    'asks for a token where either would be enough',
    { preset: 'either-one' },
    { code: 'ERR_TOKEN_MISSING', status: 401, ...ASKS_FOR_TOKEN },
  ),
  row(
    'bad-token-is-final',
    'refuses a bad token beside a good certificate',
    { preset: 'either-one', certificate: 'orders', token: 'expired' },
    { code: 'ERR_TOKEN_EXPIRED', status: 401, ...INVALID_TOKEN },
  ),
  row(
    'bad-certificate-is-final',
    'refuses a bad certificate beside a good token',
    { preset: 'either-one', certificate: 'expired', token: 'unbound' },
    { code: 'ERR_PEER_EXPIRED', status: 403 },
    { id: 'alice', evidence: ['jwt'] },
  ),
  row(
    'bad-optional-is-final',
    'refuses bad evidence where none would be fine',
    { preset: 'nothing-required', token: 'signature-flipped' },
    { code: 'ERR_TOKEN_SIGNATURE', status: 401, ...INVALID_TOKEN },
  ),
  row(
    'bad-optional-certificate-is-final',
    'refuses a bad certificate where none would be fine',
    { preset: 'nothing-required', certificate: 'self-signed' },
    { code: 'ERR_PEER_SELF_SIGNED', status: 403 },
    { id: 'anonymous', evidence: [] },
  ),
  row(
    'optional-with-none',
    'lets an anonymous caller in where nothing is required',
    { preset: 'nothing-required' },
    { id: 'anonymous', evidence: [] },
  ),
  row(
    'optional-with-both',
    'knows a caller where nothing is required',
    { preset: 'nothing-required', certificate: 'orders', token: 'bound' },
    BOTH,
    NO_CERTIFICATE_FOR_IT,
  ),
  row(
    'list-whole',
    'takes one of the listed combinations whole',
    { preset: 'certificate-or-both', certificate: 'orders', token: 'bound' },
    BOTH,
    UNENCRYPTED,
  ),
  row(
    'list-part',
    'refuses a part of a listed combination',
    { preset: 'certificate-or-both', token: 'unbound' },
    { code: 'ERR_PEER_MISSING', status: 403 },
    UNENCRYPTED,
  ),
  row(
    'anonymous-invited',
    'asks an anonymous caller for a certificate where it may not go',
    { preset: 'anonymous-by-rule', target: '/private' },
    { code: 'ERR_PEER_MISSING', status: 403 },
    UNENCRYPTED,
  ),
  row(
    'anonymous-allowed',
    'lets an anonymous caller go where a rule names it',
    { preset: 'anonymous-by-rule', target: '/public' },
    { id: 'anonymous', evidence: [] },
  ),

  // scopes
  scoped('scope-held', 'lets a token with the scopes read', 'bound-with-scope', '/invoices/7', BOTH),
  scoped('scope-lacking', 'refuses a token without the scope, and says that it is the scope', 'bound', '/invoices/7', {
    code: 'ERR_SCOPE_INSUFFICIENT',
    status: 403,
    ...INSUFFICIENT_SCOPE,
  }),
  scoped('claim-held', 'lets a token with the claim in', 'bound-with-claim', '/gold', BOTH),
  scoped('claim-lacking', 'refuses a token without the claim', 'bound', '/gold', { code: 'ERR_FORBIDDEN', status: 403 }),
]

function both(token: TokenKind, claim: string, expected: Row['expected'], clear: Row['clear'] = UNENCRYPTED): Row {
  return row(token, claim, { preset: 'certificate-and-token', certificate: 'orders', token }, expected, clear)
}

/** Sent without its certificate: what is wrong with it is found before it is missed. */
function refused(token: TokenKind, words: string, expected: Denied): Row {
  return row(token, `refuses ${words}`, { preset: 'bearer-token', token }, expected)
}

function bearer(token: TokenKind, claim: string, expected: Row['expected']): Row {
  return row(token, claim, { preset: 'bearer-token', token }, expected)
}

function sent(id: string, claim: string, field: readonly [string, string], expected: Row['expected']): Row {
  return row(id, claim, { preset: 'bearer-token', fields: [field] }, expected)
}

function scoped(id: string, claim: string, token: TokenKind, target: string, expected: Row['expected']): Row {
  return row(id, claim, { preset: 'rules-and-scopes', certificate: 'orders', token, target }, expected, UNENCRYPTED)
}

function row(id: string, claim: string, given: Given, expected: Row['expected'], clear: Row['clear'] = 'the same'): Row {
  return { id: `token/${id}`, claim, requirements: [requirementOf(id)], given, expected, clear }
}

function requirementOf(id: string): string {
  if (id.endsWith('is-final')) return 'E14'
  return /^(?:any|optional|list|anonymous)-/.test(id) ? 'D16' : 'X2'
}
