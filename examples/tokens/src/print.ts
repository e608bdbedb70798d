import type { Answer } from './caller.js'
import { nameOf } from './site.js'

/** Writes the demo for people: colour on a terminal, plain text elsewhere. */
export interface Printer {
  heading(text: string): void
  /** What a token says. */
  claims(token: string): void
  answer(says: string, answer: Answer, expected: number): void
  refusal(says: string, code: string | null): void
  elapsed(ms: number): void
  /** @returns whether every answer was as it had to be. */
  end(): boolean
}

export function createPrinter(write: (line: string) => void, colour: boolean): Printer {
  const paint = (code: number) => (text: string) => (colour ? `\u001b[${code}m${text}\u001b[0m` : text)
  const [bold, dim, red, green] = [paint(1), paint(2), paint(31), paint(32)]
  let answers = 0
  let surprises = 0

  function line(says: string, isGood: boolean, outcome: string, isExpected: boolean): void {
    answers++
    if (!isExpected) surprises++
    write(`  ${isGood ? green('✓') : red('✗')} ${says.padEnd(48)} ${(isGood ? green : red)(outcome)}`)
  }

  return {
    heading(text) {
      write('')
      write(bold(text))
    },
    claims(token) {
      const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
      write(dim(`    for ${nameOf(claims.aud)} alone, for ${claims.exp - claims.iat} s, over the certificate ${claims.cnf['x5t#S256']}`))
    },
    answer(says, { status, code, body }, expected) {
      const isGood = status < 300
      line(says, isGood, `${status}${isGood ? '' : ` ${code}`}`, status === expected)
      if (isGood && status === 200) write(dim(`    ${JSON.stringify(body)}`))
    },
    refusal(says, code) {
      line(says, code === null, code ?? 'handed on', code !== null)
    },
    elapsed(ms) {
      write(`    ${ms.toFixed(0)} ms after the operator asked for it, over a connection that was open all the time`)
    },
    end() {
      write('')
      const good = answers - surprises
      write((surprises === 0 ? green : red)(`${good} of ${answers} answers were as they had to be.`))
      return surprises === 0
    },
  }
}
