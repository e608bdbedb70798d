import fc from 'fast-check'

const PLACES = ['/admin', '/public', '/Admin', '/PUBLIC', 'admin', 'public', '/x', 'x']
const SEPARATORS = [
  '/',
  '/',
  '//',
  '\\',
  '%2f',
  '%2F',
  '%5c',
  '%255c',
  '%252f',
  ';',
  ';/',
  '/;',
  ';a=b/',
  '?',
  '?/',
  '#',
  '#/',
  '&',
  ':',
  '@',
  ',',
  '|',
  '%3f',
  '%23',
  '%3b',
  '%00',
  '\t',
  '%09',
  '%0a',
  ' ',
  '%20',
  '+',
]
const DOTS = [
  '.',
  '..',
  '...',
  '%2e',
  '%2E%2e',
  '.%2e',
  '%252e',
  '%c0%ae',
  '%e0%80%ae',
  '%uff0e',
  '\u2025',
  '%E2%80%A5',
  '..;',
  '..;x=1',
  '.;',
  '..%00',
  '..%09',
  '. .',
  '..\\',
]
const LETTERS = [
  'a',
  '%61',
  '%41',
  '%64min',
  'adm%69n',
  '%C3%A9',
  '%C5%BF',
  '%E2%84%AA',
  '%C4%B0',
  '%EF%BC%8F',
  '%EF%BC%BC',
  '%ED%A0%80',
  '%F4%90%80%80',
  '%25',
  '%2561',
  '%',
  '%2',
  '%zz',
  '%u002f',
  '~',
  '!',
  "'",
  '(',
  ')',
  '*',
  '$',
  '=',
  '_',
  '-',
  '{',
  '}',
  '^',
  '`',
  '"',
  '<',
  '\u00e9',
  '\u212a',
  '\ufeff',
  '\u00a0',
  '\0',
]
const SCHEMES = ['http://', 'https://', 'HTTP://', 'hTtP://', 'http:/', 'http:', '//', 'ftp://', 'file://', 'http:\\\\', '']
const AUTHORITIES = [
  'localhost',
  'localhost:8443',
  'LOCALHOST',
  '127.0.0.1',
  '[::1]:1',
  'a_b',
  'user@localhost',
  'localhost:',
  'localhost:x',
  'localhost:99999',
  'localhost!',
  'localhost*',
  "localhost'",
  'localhost%2fadmin',
  'localhost;',
  'localhost\\admin',
  'localhost&',
  'localhost+x',
  'localhost~',
  'localhost,',
  'localhost..',
  '1.2.3.999',
  'xn--',
  '',
  '?',
  '#',
]

const piece = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...SEPARATORS) },
  { weight: 2, arbitrary: fc.constantFrom(...DOTS) },
  { weight: 2, arbitrary: fc.constantFrom(...LETTERS) },
  { weight: 2, arbitrary: fc.constantFrom(...PLACES) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 3 }) },
)
const path = fc.tuple(fc.constantFrom(...PLACES, '/'), fc.array(piece, { maxLength: 7 })).map(([start, pieces]) => start + pieces.join(''))

export interface GeneratedTarget {
  readonly method: string
  readonly target: string
  readonly authority: string
}

/** Targets that somebody may read in another way than somebody else, and the authority of the request that they come with. */
export const targets: fc.Arbitrary<GeneratedTarget> = fc
  .record({
    method: fc.constantFrom('GET', 'POST', 'OPTIONS'),
    path,
    scheme: fc.option(fc.constantFrom(...SCHEMES), { freq: 4 }),
    authority: fc.constantFrom(...AUTHORITIES),
    other: fc.option(fc.constantFrom(...AUTHORITIES), { freq: 10 }),
  })
  .map(({ method, path, scheme, authority, other }) => ({
    method,
    target: scheme === null ? path : `${scheme}${authority}${path}`,
    authority: scheme === null ? 'localhost' : (other ?? authority).toLowerCase(),
  }))

/** The same places in their plain form, with a piece or two put in somewhere. */
export const nearTargets: fc.Arbitrary<GeneratedTarget> = fc
  .tuple(
    fc.constantFrom('/admin', '/admin/', '/admin/7', '/admin/7/x', '/public', '/public/', '/public/7', '/public/7/x', '/public/admin/7'),
    fc.array(fc.tuple(fc.nat({ max: 15 }), piece), { maxLength: 3 }),
  )
  .map(([plain, changes]) => ({
    method: 'GET',
    target: changes.reduce<string>((text, [at, change]) => text.slice(0, at) + change + text.slice(at), plain),
    authority: 'localhost',
  }))
