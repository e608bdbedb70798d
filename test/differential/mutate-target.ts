import type { Random } from './random.js'

/** Paths that the service has rules, routes and exemptions for. */
const PATHS = [
  '/',
  '/health',
  '/status',
  '/admin/users',
  '/projects/a',
  '/files/a',
  '/files/private/a',
  '/orders',
  '/invoices/7',
  '/gold',
  '/team',
  '/everyone',
]

/** What routers, proxies and parsers of URLs disagree about. */
const ODDITIES = [
  '/',
  '//',
  '/.',
  '/..',
  '/../',
  '/./',
  '/..;/',
  '/;',
  ';',
  ';x=1',
  '\\',
  '/%2e',
  '%2e%2e/',
  '%2f',
  '%2F',
  '%5c',
  '%00',
  '%0d%0a',
  '%25',
  '%252e',
  '%68',
  '%C3%A9',
  '%c0%ae',
  '%FF',
  '%',
  '%zz',
  '%u0041',
  '?',
  '?a=b',
  '?/../',
  '#',
  '#x',
  '@',
  ':',
  '*',
  '!',
  "'",
  '$',
  '~',
  '|',
  '^',
  '{',
  '"',
  '<',
  'X',
  '.',
  '..',
  '...',
]

const AUTHORITIES = [
  'billing.prod.example:8443',
  'evil.example',
  'x@billing.prod.example:8443',
  'billing.prod.example:8443!x',
  '',
  '[::1]:8443',
]

/** A request target: one the service knows, or one that is almost that. */
export function mutateTarget(random: Random): string {
  let target = random.pick(PATHS)
  if (random.percent(35)) return target
  if (random.percent(8)) target = target.toUpperCase()
  if (random.percent(10)) target = encodeOne(target, random)
  for (let count = random.below(3); count > 0; count--) {
    const at = random.percent(50) ? target.length : random.below(target.length + 1)
    target = target.slice(0, at) + random.pick(ODDITIES) + target.slice(at)
  }
  if (random.percent(8)) target = `${random.pick(['http', 'HTTP', 'https', 'ftp'])}://${random.pick(AUTHORITIES)}${target}`
  return random.percent(2) ? random.pick(['*', '', 'x', '/'.repeat(2000), `/${'a'.repeat(3000)}`]) : target
}

/** One character of a path by its code. */
function encodeOne(target: string, random: Random): string {
  const at = random.below(target.length)
  const code = target.charCodeAt(at).toString(16).padStart(2, '0')
  return `${target.slice(0, at)}%${random.percent(50) ? code : code.toUpperCase()}${target.slice(at + 1)}`
}
