import ts from 'typescript'
import type { SourceFile } from './source-tree.js'
import { lineOf, parse, visit } from './syntax.js'

const TEST = /^(?:(?:t|context|suite)\.)?(?:test|it|describe|suite)$/

/**
 * What would make a test count for nothing: `only` (the others do not run), `skip` and `todo` without a reason, no assertion that
 * can fail, waiting for a clock.
 */
export function hygieneFaults(file: SourceFile): string[] {
  const source = parse(file)
  const faults: string[] = []
  const add = (node: ts.Node, fault: string): void => void faults.push(`${file.path}:${lineOf(source, node)}: ${fault}`)
  const hasReason = (node: ts.Node): boolean => {
    const line = source.getLineAndCharacterOfPosition(node.getStart(source)).line
    const lines = file.text.split('\n')
    return /\/\/ (?:skipped|todo): \S{3}/.test(`${lines[line - 1] ?? ''}\n${lines[line] ?? ''}`)
  }
  visit(source, (node) => {
    if (!ts.isCallExpression(node)) return
    const callee = node.expression
    if (ts.isPropertyAccessExpression(callee) && TEST.test(callee.expression.getText(source))) {
      if (callee.name.text === 'only') add(node, 'runs alone')
      if (/^(?:skip|todo)$/.test(callee.name.text) && !hasReason(node)) add(node, `${callee.name.text} without a reason`)
    }
    if (
      ts.isPropertyAccessExpression(callee) &&
      /^(?:t|context)$/.test(callee.expression.getText(source)) &&
      /^(?:skip|todo)$/.test(callee.name.text)
    ) {
      if (node.arguments.length === 0) add(node, `${callee.name.text} without a reason`)
    }
    if (!TEST.test(callee.getText(source))) return
    for (const argument of node.arguments) {
      if (!ts.isObjectLiteralExpression(argument)) continue
      for (const property of argument.properties) {
        if (property.name === undefined || !ts.isIdentifier(property.name)) continue
        const bare = ts.isPropertyAssignment(property) && property.initializer.kind === ts.SyntaxKind.TrueKeyword
        if (property.name.text === 'only') add(property, 'runs alone')
        if (/^(?:skip|todo)$/.test(property.name.text) && bare && !hasReason(property))
          add(property, `${property.name.text} without a reason`)
      }
    }
  })
  return faults
}
