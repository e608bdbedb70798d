import { existsSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { visit } from './syntax.js'

/** The public surface of one package, as text. */
export interface ApiReport {
  readonly name: string
  readonly text: string
}

const OPTIONS: ts.CompilerOptions = {
  module: ts.ModuleKind.NodeNext,
  target: ts.ScriptTarget.ES2023,
  strict: true,
  skipLibCheck: true,
  noEmit: true,
  types: ['node'],
}

/**
 * Reads the declarations that packages publish, in alphabetical order and without comments: what changes in a report is what users
 * of a package can see.
 * @param root the folder that holds `packages`.
 */
export function apiReports(root: string, names: readonly string[]): ApiReport[] {
  const entries = names.map((name) => join(root, 'packages', name, 'dist/index.d.ts'))
  for (const entry of entries) if (!existsSync(entry)) throw new Error(`${entry} is missing: npm run build`)
  const program = ts.createProgram(entries, OPTIONS)
  return names.map((name, index) => ({ name, text: reportOf(program, name, entries[index] ?? '', join(root, 'packages', name, 'dist')) }))
}

function reportOf(program: ts.Program, name: string, entry: string, folder: string): string {
  const checker = program.getTypeChecker()
  const source = program.getSourceFile(entry)
  const module = source === undefined ? undefined : checker.getSymbolAtLocation(source)
  if (module === undefined) throw new Error(`${entry} exports nothing`)
  const isOurs = (node: ts.Node): boolean => node.getSourceFile().fileName.startsWith(`${folder}/`)

  const exported = new Map<string, ts.Symbol>()
  for (const symbol of checker.getExportsOfModule(module)) exported.set(symbol.name, resolve(checker, symbol))
  const lines: string[] = []
  const hidden = new Map<string, ts.Symbol>()
  const seen = new Set(exported.values())
  const note = (declaration: ts.Node): void => {
    visit(declaration, (node) => {
      if (!ts.isIdentifier(node)) return
      const found = checker.getSymbolAtLocation(node)
      if (found === undefined) return
      const symbol = resolve(checker, found)
      if (seen.has(symbol) || (symbol.flags & (ts.SymbolFlags.Type | ts.SymbolFlags.Variable | ts.SymbolFlags.Function)) === 0) return
      const [first] = symbol.declarations ?? []
      if (first === undefined || !isOurs(first) || !isTopLevel(first)) return
      seen.add(symbol)
      hidden.set(symbol.name, symbol)
    })
  }

  for (const [exportedName, symbol] of [...exported].sort(byName)) {
    const declarations = symbol.declarations ?? []
    if (declarations.every(isOurs)) {
      for (const declaration of declarations) {
        note(declaration)
        lines.push(`export ${print(declaration)}${exportedName === symbol.name ? '' : ` // as ${exportedName}`}`)
      }
    } else lines.push(`export { ${exportedName} } from '${packageOf(declarations[0])}'`)
  }
  // What a signature needs and nobody can name. Grows while it is read: such a type may need another one.
  for (const [, symbol] of hidden) for (const declaration of symbol.declarations ?? []) note(declaration)
  for (const [, symbol] of [...hidden].sort(byName))
    for (const declaration of symbol.declarations ?? []) lines.push(`// not exported:\n${print(declaration)}`)
  for (const file of program.getSourceFiles()) {
    if (!file.fileName.startsWith(`${folder}/`)) continue
    for (const statement of file.statements) {
      if (ts.isModuleDeclaration(statement) && (ts.isStringLiteral(statement.name) || statement.name.text === 'global'))
        lines.push(print(statement))
    }
  }
  return `# API of @countersign/${name}\n\nWritten by \`npm run api:update\`; a test fails where it differs from what is built.\n\n\`\`\`ts\n${lines.join('\n\n')}\n\`\`\`\n`
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function resolve(checker: ts.TypeChecker, symbol: ts.Symbol): ts.Symbol {
  return (symbol.flags & ts.SymbolFlags.Alias) === 0 ? symbol : checker.getAliasedSymbol(symbol)
}

function isTopLevel(declaration: ts.Node): boolean {
  const { parent } = declaration
  return ts.isSourceFile(parent) || (ts.isVariableDeclarationList(parent) && ts.isSourceFile(parent.parent.parent))
}

const printer = ts.createPrinter({ removeComments: true })

function print(declaration: ts.Node): string {
  const statement = ts.isVariableDeclaration(declaration) ? declaration.parent.parent : declaration
  return printer
    .printNode(ts.EmitHint.Unspecified, statement, statement.getSourceFile())
    .replace(/^export /, '')
    .replace(/^declare (?!global|module)/, '')
    .replaceAll('    ', '  ')
}

function packageOf(declaration: ts.Node | undefined): string {
  const file = declaration?.getSourceFile().fileName ?? ''
  const own = /\/packages\/([^/]+)\/dist\//.exec(file)
  if (own !== null) return `@countersign/${own[1]}`
  const foreign = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(file)
  return foreign?.[1] ?? 'typescript'
}
