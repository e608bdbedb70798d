import ts from 'typescript'
import type { SourceFile } from './source-tree.js'

/** One mention of another module. */
export interface Import {
  readonly specifier: string
  /** Vanishes when compiled. */
  readonly typeOnly: boolean
  /** What is taken of it, by the names it has there; `null`: all of it. */
  readonly names: readonly string[] | null
  readonly line: number
}

const PARSED = new WeakMap<SourceFile, ts.SourceFile>()

export function parse(file: SourceFile): ts.SourceFile {
  const parsed = PARSED.get(file) ?? ts.createSourceFile(file.path, file.text, ts.ScriptTarget.ES2023, true, ts.ScriptKind.TS)
  PARSED.set(file, parsed)
  return parsed
}

export function visit(node: ts.Node, see: (node: ts.Node) => void): void {
  see(node)
  ts.forEachChild(node, (child) => visit(child, see))
}

export function lineOf(source: ts.SourceFile, node: ts.Node): number {
  return source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1
}

/** Every module that a file names: imports, re-exports, `import()`, types of `import('…')`, `require`, augmented modules. */
export function importsOf(file: SourceFile): Import[] {
  const source = parse(file)
  const found: Import[] = []
  const add = (node: ts.Node | undefined, typeOnly: boolean, names: readonly string[] | null = null): void => {
    if (node !== undefined && ts.isStringLiteralLike(node))
      found.push({ specifier: node.text, typeOnly, names, line: lineOf(source, node) })
  }
  visit(source, (node) => {
    if (ts.isImportDeclaration(node))
      add(node.moduleSpecifier, node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword, namesOf(node.importClause))
    else if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, node.isTypeOnly)
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node.argument.literal, true)
    else if (ts.isExternalModuleReference(node)) add(node.expression, false)
    else if (ts.isModuleDeclaration(node) && ts.isStringLiteral(node.name)) add(node.name, true)
    else if (ts.isCallExpression(node) && isLoader(node.expression)) add(node.arguments[0], false)
  })
  return found
}

function namesOf(clause: ts.ImportClause | undefined): readonly string[] | null {
  const bindings = clause?.namedBindings
  if (clause?.name !== undefined || bindings === undefined || !ts.isNamedImports(bindings)) return null
  return bindings.elements.map(({ name, propertyName }) => (propertyName ?? name).text)
}

function isLoader(callee: ts.Expression): boolean {
  return callee.kind === ts.SyntaxKind.ImportKeyword || (ts.isIdentifier(callee) && callee.text === 'require')
}

/** How many lines hold code: neither blank nor comment alone. */
export function linesOfCode(file: SourceFile): number {
  const source = parse(file)
  const lines = new Set<number>()
  const walk = (node: ts.Node): void => {
    if (node.kind >= ts.SyntaxKind.FirstJSDocNode && node.kind <= ts.SyntaxKind.LastJSDocNode) return
    const children = node.getChildren(source)
    for (const child of children) walk(child)
    if (children.length > 0 || node.getWidth(source) === 0) return
    const last = source.getLineAndCharacterOfPosition(node.getEnd()).line + 1
    for (let line = lineOf(source, node); line <= last; line += 1) lines.add(line)
  }
  walk(source)
  return lines.size
}
