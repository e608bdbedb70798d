import ts from 'typescript'
import type { SourceFile } from './source-tree.js'
import { parse, visit } from './syntax.js'

/** One row of a table of `docs/requirements.md`. */
export interface RequirementRow {
  readonly id: string
  readonly proofs: readonly Proof[]
  /** Entries of the third cell that name no test, such as a figure of a benchmark. */
  readonly notes: readonly string[]
  readonly state: string
}

/** One test file and the names in it. */
export interface Proof {
  readonly path: string
  readonly names: readonly string[]
}

const STATE = /^(?:proven|(?:partly|not done): .{10,})$/

/** The rows of all tables: id or words, what it is, `file: name · name` separated by `<br>`, state. */
export function readRequirements(page: string): RequirementRow[] {
  return page.split('\n').flatMap((line) => {
    const cells = line.split(/(?<!\\)\|/).slice(1, -1)
    if (cells.length !== 4) return []
    const [id = '', , proven = '', state = ''] = cells.map((cell) => cell.trim().replaceAll('\\|', '|'))
    if (id === 'id' || id === 'pitfall' || id === 'bullet' || /^-+$/.test(id)) return []
    const entries = proven.split('<br>').map((entry) => entry.trim())
    const proofs = entries.flatMap((entry) => {
      const [, path, names] = /^`([^`]+\.ts)`: (.+)$/.exec(entry) ?? []
      return path === undefined || names === undefined ? [] : [{ path, names: names.split(' · ') }]
    })
    return [{ id, proofs, notes: entries.filter((entry) => entry !== '' && !/^`[^`]+\.ts`: /.test(entry)), state }]
  })
}

/** What is wrong with a row on its face. */
export function faultsOf({ id, proofs, state }: RequirementRow): string[] {
  const faults: string[] = []
  if (!STATE.test(state)) faults.push(`${id}: the state is proven, partly or not done; the last two with what is missing`)
  if (state === 'proven' && proofs.length === 0) faults.push(`${id}: says that it is proven, and names no test`)
  return faults
}

/** Every text of a file that a test may be named by; `…` stands for what a template puts in. */
export function namesIn(file: SourceFile): Set<string> {
  const names = new Set<string>()
  visit(parse(file), (node) => {
    if (ts.isStringLiteralLike(node)) names.add(node.text)
    if (ts.isTemplateExpression(node)) names.add(node.head.text + node.templateSpans.map(({ literal }) => `…${literal.text}`).join(''))
  })
  return names
}

/** `D7–D9` is D7, D8 and D9; a lone id is itself. */
export function expandIds(text: string): string[] {
  return text.split(', ').flatMap((part) => {
    const [, letter = '', first, last] = /^([A-Z])(\d+)–[A-Z](\d+)$/.exec(part) ?? []
    if (first === undefined) return [part]
    return Array.from({ length: Number(last) - Number(first) + 1 }, (_, index) => `${letter}${Number(first) + index}`)
  })
}
