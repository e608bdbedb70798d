import { HOST, idOf } from './certificates.js'
import {
  ASKS_FOR_TOKEN,
  type Denied,
  FASTIFY_BAD_URL,
  type Given,
  type Granted,
  KOA2_HEAD,
  ONLY_HTTP1,
  type Row,
  UNENCRYPTED,
} from './row.js'
import { AUTHORITY } from './servers.js'

const ORDERS: Granted = { id: idOf('/orders'), evidence: ['mtls'] }
const ANYBODY: Granted = { id: 'anonymous', evidence: [] }
const FORBIDDEN: Denied = { code: 'ERR_FORBIDDEN', status: 403 }
const NOT_CANONICAL: Denied = { code: 'ERR_TARGET_NOT_CANONICAL', status: 400 }
const NO_TOKEN: Denied = { code: 'ERR_TOKEN_MISSING', status: 401, ...ASKS_FOR_TOKEN }
const NO_CERTIFICATE: Denied = { code: 'ERR_PEER_MISSING', status: 403 }

/** What is asked for: targets, authorities, rules about paths and methods, exempt routes. */
export const REQUEST_ROWS: readonly Row[] = [
  // targets that can be read in one way only
  ...['/', '/a', '/a/', '/a?b=/../c', "/a-._~!$&'()*+,;=:@b", '/caf%C3%A9', '/a%20b', '/..a/b..', '/...', '/a;b'].map((target) =>
    row(`taken ${target}`, `takes the target ${target}`, { preset: 'mtls', certificate: 'orders', target }, ORDERS),
  ),
  row(
    'taken absolute',
    'takes an absolute target of its own authority',
    { preset: 'mtls', certificate: 'orders', target: `http://${AUTHORITY}/a` },
    ORDERS,
    [ONLY_HTTP1],
  ),
  row('taken asterisk', 'takes the asterisk of OPTIONS', { preset: 'mtls', certificate: 'orders', method: 'OPTIONS', target: '*' }, ORDERS),

  // and those that could be read in another way by whoever comes next, refused before anybody is asked for
  ...[
    '//',
    '//admin',
    '/a//b',
    '/./a',
    '/a/.',
    '/a/..',
    '/a/../b',
    '/%2e%2e/a',
    '/a/%2E',
    '/a%2fb',
    '/a%2Fb',
    '/a%5cb',
    '/%61dmin',
    '/%7Eroot',
    '/a%00',
    '/a%0a',
    '/a%252e',
    '/a/..;/b',
    '/a/;x',
  ].map((target) => refused(target, target, NOT_CANONICAL)),
  ...['/a%', '/a%zz', '/%C0%AF', '/%FF'].map((target) => ({ ...refused(target, target, NOT_CANONICAL), notApplicable: [FASTIFY_BAD_URL] })),
  ...['/a\\b', '/a|b', '/a"b', '/a<b', '/a{b'].map((target) => refused(target, target, NOT_CANONICAL)),
  { ...refused('fragment', '/a#b', NOT_CANONICAL) },
  { ...refused('absolute-elsewhere', 'http://evil.example/a', NOT_CANONICAL), notApplicable: [ONLY_HTTP1] },
  { ...refused('absolute-with-user', `http://x@${AUTHORITY}/a`, NOT_CANONICAL), notApplicable: [ONLY_HTTP1] },
  {
    ...row(
      'absolute-odd-authority',
      'refuses an absolute target whose authority ends elsewhere for others',
      { preset: 'mtls', certificate: 'orders', authority: `${HOST}!x`, target: `http://${HOST}!x/a` },
      NOT_CANONICAL,
      [ONLY_HTTP1],
    ),
    clear: NOT_CANONICAL,
  },

  // what the request line says of itself
  row(
    'version-2',
    'sees the certificate of a request that says it is HTTP/2.0',
    { preset: 'mtls', certificate: 'orders', version: 'HTTP/2.0' },
    ORDERS,
    [ONLY_HTTP1],
  ),
  {
    ...row(
      'version-2-and-bad-certificate',
      'sees the bad certificate of a request that says it is HTTP/2.0',
      { preset: 'either-one', certificate: 'expired', token: 'unbound', version: 'HTTP/2.0' },
      { code: 'ERR_PEER_EXPIRED', status: 403 },
      [ONLY_HTTP1],
    ),
    clear: { id: 'alice', evidence: ['jwt'] },
  },
  {
    ...row(
      'version-2-misdirected',
      'sees the server name of a request that says it is HTTP/2.0',
      { preset: 'mtls', certificate: 'orders', version: 'HTTP/2.0', authority: 'shipping.prod.example' },
      { code: 'ERR_MISDIRECTED', status: 421 },
      [ONLY_HTTP1],
    ),
  },

  // whom the request is for
  row(
    'authority-without-port',
    'takes the host of the handshake without a port',
    { preset: 'mtls', certificate: 'orders', authority: HOST },
    ORDERS,
  ),
  row(
    'authority-in-other-case',
    'takes the host of the handshake in other letters',
    { preset: 'mtls', certificate: 'orders', authority: HOST.toUpperCase() },
    ORDERS,
  ),
  row(
    'authority-of-another',
    'refuses a request for another host than the handshake was for',
    { preset: 'mtls', certificate: 'orders', authority: 'shipping.prod.example' },
    { code: 'ERR_MISDIRECTED', status: 421 },
  ),
  row(
    'authority-that-begins-alike',
    'refuses a request for a host that begins like that of the handshake',
    { preset: 'mtls', certificate: 'orders', authority: `${HOST}.evil.example` },
    { code: 'ERR_MISDIRECTED', status: 421 },
  ),
  row(
    'authority-of-any',
    'takes another host where the options say so',
    { preset: 'any-authority', certificate: 'orders', authority: 'shipping.prod.example' },
    ORDERS,
  ),
  row(
    'authority-without-handshake-name',
    'takes any host where the handshake named none',
    { preset: 'mtls', certificate: 'orders', serverName: null, authority: 'shipping.prod.example' },
    ORDERS,
  ),
  {
    ...row(
      'authority-odd',
      'refuses an authority that is not a host and a port',
      { preset: 'mtls', certificate: 'orders', authority: `${HOST}:8443:8443` },
      { code: 'ERR_AUTHORITY_INVALID', status: 400 },
    ),
    clear: { code: 'ERR_AUTHORITY_INVALID', status: 400 },
  },
  {
    ...row(
      'authority-twice',
      'refuses two authorities',
      { preset: 'mtls', certificate: 'orders', fields: [['host', 'evil.example']] },
      { code: 'ERR_AUTHORITY_INVALID', status: 400 },
    ),
    clear: { code: 'ERR_AUTHORITY_INVALID', status: 400 },
  },

  // rules
  rule(
    'method-allowed',
    'allows a method that a rule names',
    { method: 'POST', target: '/orders' },
    { ...ORDERS, evidence: ['mtls', 'jwt'], boundTo: 'orders' },
  ),
  rule('method-forbidden', 'forbids a method that no rule names', { method: 'DELETE', target: '/orders' }, FORBIDDEN),
  rule('path-forbidden', 'forbids a path below one that is allowed exactly', { target: '/orders/7' }, FORBIDDEN),
  rule('path-in-other-case', 'forbids an allowed path in other letters', { target: '/Orders' }, FORBIDDEN),
  rule('path-with-slash', 'forbids an allowed path with a slash behind it', { target: '/orders/' }, FORBIDDEN),
  rule('under-allowed', 'allows what is below a path', { target: '/files/a' }, { ...ORDERS, evidence: ['mtls', 'jwt'], boundTo: 'orders' }),
  rule('under-itself', 'forbids the path itself where only what is below it is allowed', { target: '/files' }, FORBIDDEN),
  rule('under-longer', 'forbids a path that only begins alike', { target: '/filesystem' }, FORBIDDEN),
  rule('denied', 'lets a denying rule win', { target: '/files/private/a' }, FORBIDDEN),
  rule('denied-in-other-case', 'lets a denying rule win in other letters', { target: '/files/PRIVATE/a' }, FORBIDDEN),
  rule('caller-below', 'does not take a caller for one below it', { target: '/team' }, FORBIDDEN),

  // exempt routes, and what is not one
  route('health', 'answers a health check of anybody', { target: '/health' }, ANYBODY),
  {
    ...route('health-head', 'answers a health check without a body', { target: '/health', method: 'HEAD' }, ANYBODY),
    notApplicable: [KOA2_HEAD],
  },
  route('health-query', 'answers a health check with a query', { target: '/health?x=/../y' }, ANYBODY),
  route('health-with-bad-token', 'looks at no evidence on an exempt route', { target: '/health', token: 'garbage' }, ANYBODY),
  route('health-post', 'exempts no other method', { target: '/health', method: 'POST' }, NO_CERTIFICATE, UNENCRYPTED),
  ...['/health/', '/Health', '/HEALTH', '/healthz', '/health;x', '/health/x', '/health.'].map((target) =>
    route(target, `does not take ${target} for a health check`, { target }, NO_CERTIFICATE, UNENCRYPTED),
  ),
  ...['/%68ealth', '/health/../admin', '//health', '/./health', '/health/.', '/health%2f', '/health/..;/admin', '/health//'].map((target) =>
    route(target, `refuses ${target} in front of every route`, { target }, NOT_CANONICAL),
  ),
  {
    ...route('absolute-health', 'answers a health check by its absolute target', { target: `http://${AUTHORITY}/health` }, ANYBODY),
    notApplicable: [ONLY_HTTP1],
  },
  {
    ...route(
      'health-misdirected',
      'exempts nobody from asking the right host',
      { target: '/health', authority: 'evil.example' },
      { code: 'ERR_MISDIRECTED', status: 421 },
    ),
    clear: ANYBODY,
  },
  route('optional-anonymous', 'lets anybody in where a route requires nothing', { target: '/status' }, ANYBODY),
  route(
    'optional-bad',
    'refuses bad evidence where a route requires nothing',
    { target: '/status', certificate: 'expired' },
    { code: 'ERR_PEER_EXPIRED', status: 403 },
    ANYBODY,
  ),
  route('optional-known', 'knows a caller where a route requires nothing', { target: '/status', certificate: 'orders' }, ORDERS, ANYBODY),
  route('step-up', 'asks for more where a route requires more', { target: '/admin/users', certificate: 'orders' }, NO_TOKEN, UNENCRYPTED),
  route(
    'step-up-met',
    'accepts where more is brought',
    { target: '/admin/users', certificate: 'orders', token: 'bound' },
    { ...ORDERS, evidence: ['mtls', 'jwt'], boundTo: 'orders' },
    UNENCRYPTED,
  ),
  route(
    'slash-opted-in',
    'takes an encoded slash where a route opts in',
    { target: '/projects/a%2Fb', certificate: 'orders' },
    ORDERS,
    UNENCRYPTED,
  ),
  route(
    'slash-and-dots',
    'takes no dot segment behind an encoded slash',
    { target: '/projects/..%2Fadmin', certificate: 'orders' },
    NOT_CANONICAL,
  ),
]

function refused(id: string, target: string, expected: Denied): Row {
  return {
    ...row(`refused ${id}`, `refuses the target ${target}`, { preset: 'mtls', certificate: 'orders', target }, expected),
    clear: 'the same',
  }
}

function rule(id: string, claim: string, given: Partial<Given>, expected: Row['expected']): Row {
  return {
    ...row(id, claim, { preset: 'rules-and-scopes', certificate: 'orders', token: 'bound', ...given }, expected),
    requirements: ['D17'],
  }
}

function route(id: string, claim: string, given: Partial<Given>, expected: Row['expected'], clear: Row['clear'] = 'the same'): Row {
  return { ...row(`route ${id}`, claim, { preset: 'routes', ...given }, expected), requirements: ['D16'], clear }
}

function row(id: string, claim: string, given: Given, expected: Row['expected'], notApplicable: Row['notApplicable'] = []): Row {
  return { id: `request/${id}`, claim, requirements: ['D16'], given, expected, clear: UNENCRYPTED, notApplicable }
}
