import { CALLER, ISSUER } from './names.js'

/** Makes tokens that nobody signed, each another: some garbled, some well-formed, some under a key that nobody has. */
export function createGarbage(template: string): Readonly<Record<'malformed' | 'wrongSignature' | 'unknownKey', (turn: number) => string>> {
  const [header = '', claims = '', signature = ''] = template.split('.')
  const read = (part: string): object => JSON.parse(Buffer.from(part, 'base64url').toString())
  const write = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const { algorithm, known } = { algorithm: read(header), known: { ...read(claims), iss: ISSUER, sub: CALLER } }
  const cut = signature.length - 12
  const numbered = (turn: number): string => `${signature.slice(0, cut)}${turn.toString(36).padStart(10, 'A')}${signature.slice(cut + 10)}`
  return {
    malformed: (turn) => `${turn.toString(36)}${claims}.${turn % 2 === 0 ? claims : '!'}.${signature}`,
    wrongSignature: (turn) => `${header}.${write({ ...known, jti: String(turn) })}.${numbered(turn)}`,
    unknownKey: (turn) => `${write({ ...algorithm, kid: `key-${turn}` })}.${claims}.${signature}`,
  }
}
