import type { CatalogueEntry } from '@countersign/core'
import ts from 'typescript'
import type { SourceFile } from './source-tree.js'
import { lineOf, parse, visit } from './syntax.js'

const CODE = /^ERR_[A-Z0-9_]+$/
const TEST = /^(?:t\.)?(?:test|it)$/

/** Where a text stands that reads like a code. */
export interface Mention {
  readonly code: string
  readonly path: string
  readonly line: number
}

/** Every text in a file that is a code and nothing else. */
export function mentionsIn(file: SourceFile): Mention[] {
  const source = parse(file)
  const found: Mention[] = []
  visit(source, (node) => {
    if (ts.isStringLiteralLike(node) && CODE.test(node.text)) found.push({ code: node.text, path: file.path, line: lineOf(source, node) })
  })
  return found
}

/** Codes that a table asserts: texts that are the value of a property `code`. */
export function assertedIn(file: SourceFile): Set<string> {
  const found = new Set<string>()
  const collect = (node: ts.Node): void =>
    visit(node, (inner) => void (ts.isStringLiteralLike(inner) && CODE.test(inner.text) && found.add(inner.text)))
  visit(parse(file), (node) => {
    if (ts.isPropertyAssignment(node) && (ts.isIdentifier(node.name) || ts.isStringLiteral(node.name)) && node.name.text === 'code')
      collect(node.initializer)
  })
  return found
}

/**
 * Whether a file holds a test of this name that mentions the code: a call `test(name, …)`, or a row of a table (an object or a list)
 * that tests are made from.
 * @returns `null` if there is no such name in the file.
 */
export function proves(file: SourceFile, name: string, code: string): boolean | null {
  let answer: boolean | null = null
  visit(parse(file), (node) => {
    if (!ts.isStringLiteralLike(node) || node.text !== name) return
    const { parent } = node
    const row = ts.isPropertyAssignment(parent) ? parent.parent : parent
    const isTest = ts.isCallExpression(row) && TEST.test(row.expression.getText())
    if (!isTest && !ts.isObjectLiteralExpression(row) && !ts.isArrayLiteralExpression(row)) return
    answer = answer === true || new RegExp(`\\b${code}\\b`).test(row.getText())
  })
  return answer
}

/** One code as `docs/errors.md` has it. */
export interface DocumentedCode {
  readonly code: string
  /** The cells of its row; `null` for a code that is thrown and never sent. */
  readonly row: readonly string[] | null
  /** What its section says. */
  readonly text: string
}

/** Reads `docs/errors.md`: a row in a table and a section for every code that is sent, a section for every code that is thrown. */
export function readErrorPage(page: string): DocumentedCode[] {
  const rows = new Map<string, readonly string[]>()
  for (const line of page.split('\n')) {
    const cells = line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim())
    const code = /^\[`(ERR_[A-Z0-9_]+)`\]\(#([a-z0-9_]+)\)$/.exec(cells[0] ?? '')
    if (code !== null) rows.set(code[1] ?? '', cells)
  }
  return page
    .split(/^### /m)
    .slice(1)
    .map((section) => {
      const [code = '', ...text] = section.split('\n')
      return { code: code.trim(), row: rows.get(code.trim()) ?? null, text: (text.join('\n').split(/^## /m)[0] ?? '').trim() }
    })
}

/** The row that a code must have. */
export function rowOf(code: string, { publicCode, stage, status, grpcStatus, challenge, title }: CatalogueEntry): readonly string[] {
  return [
    `[\`${code}\`](#${code.toLowerCase()})`,
    publicCode === code ? '–' : `\`${publicCode}\``,
    String(status),
    `\`${grpcStatus}\``,
    challenge === null ? '–' : challenge === '' ? (stage === 'api-key' ? '`ApiKey`' : '`Bearer`') : `\`${challenge}\``,
    title,
  ]
}

/** Rows without a section: they would link to nowhere. */
export function rowsWithoutSection(page: string): string[] {
  const sections = new Set(readErrorPage(page).map(({ code }) => code))
  return [...page.matchAll(/^\| \[`(ERR_[A-Z0-9_]+)`\]/gm)].map(([, code = '']) => code).filter((code) => !sections.has(code))
}
