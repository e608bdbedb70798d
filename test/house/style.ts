import { basename } from 'node:path'
import ts from 'typescript'
import { isBuiltin } from './arrows.js'
import type { SourceFile, Workspace } from './source-tree.js'
import { importsOf, lineOf, linesOfCode, parse, visit } from './syntax.js'

const LONGEST_FILE = 250
const LONGEST_ADAPTER: Readonly<Record<string, number>> = { express: 80, koa: 80, fastify: 120 }

/** A folder for what has no name of its own: a type lives beside the function that makes it, a function in the file of its noun. */
const DUMP = /^(?:utils?|helpers?|common|types?|misc|shared|constants)\.ts$/

/** Modules that open or serve sockets; the packages or single files that may do so at run time, each with its reason. */
const SOCKETS = new Set(['node:http', 'node:https', 'node:http2', 'node:net', 'node:tls', 'node:dgram'])
/** What those modules offer that opens nothing. */
const HARMLESS = new Set([
  'isIP',
  'isIPv4',
  'isIPv6',
  'BlockList',
  'SocketAddress',
  'STATUS_CODES',
  'METHODS',
  'constants',
  'checkServerIdentity',
  'createSecureContext',
  'rootCertificates',
])
const MAY_TOUCH_SOCKETS: Readonly<Record<string, string>> = {
  node: 'reads requests and writes answers, for everybody else',
  grpc: 'the transport of grpc-js is its own',
  client: 'the outbound half',
  testing: 'stands in for the network',
  cli: 'probes services',
  'packages/x509/src/trust/fetch-bundle-spiffe.ts': 'no fetch lets us judge the certificate of a server before anything is sent to it',
}

/** Only these may use the environment, the console and the process: they are programs, not libraries. */
const PROGRAMS = new Set(['cli'])

/** Every fault of style in one package. `longFiles`: reasons for files over the usual length, by path. */
export function styleFaults(workspace: Workspace, longFiles: Readonly<Record<string, string>>): string[] {
  const { name, sources } = workspace
  const faults = sources.flatMap((file) => [
    ...nameFaults(file),
    ...lengthFaults(file, longFiles),
    ...exportFaults(file),
    ...(PROGRAMS.has(name) ? [] : surroundingsFaults(file)),
    ...socketFaults(name, file),
    ...(basename(file.path) === 'index.ts' ? indexFaults(file) : []),
  ])
  const longest = LONGEST_ADAPTER[name]
  if (longest !== undefined) {
    const lines = sources.filter((file) => basename(file.path) !== 'index.ts').reduce((sum, file) => sum + linesOfCode(file), 0)
    if (lines > longest) faults.push(`packages/${name}/src: an adapter of ${lines} lines of code, more than ${longest}`)
    for (const file of sources) {
      const cryptography = importsOf(file).find(({ specifier }) => specifier === 'node:crypto' || specifier === 'jose')
      if (cryptography !== undefined)
        faults.push(`${file.path}:${cryptography.line}: an adapter holds no cryptography: ${cryptography.specifier}`)
    }
  }
  return faults
}

/** Entries of `longFiles` that no file needs any more. */
export function needlessReasons(files: readonly SourceFile[], longFiles: Readonly<Record<string, string>>): string[] {
  return Object.keys(longFiles).filter((path) => !files.some((file) => file.path === path && lengthOf(file) > LONGEST_FILE))
}

function nameFaults({ path }: SourceFile): string[] {
  const name = basename(path)
  if (DUMP.test(name)) return [`${path}: a name that says nothing of what is in it`]
  return /^[a-z0-9]+(?:-[a-z0-9]+)*\.ts$/.test(name) ? [] : [`${path}: not in kebab-case`]
}

function lengthOf({ text }: SourceFile): number {
  return text.split('\n').length - (text.endsWith('\n') ? 1 : 0)
}

function lengthFaults(file: SourceFile, longFiles: Readonly<Record<string, string>>): string[] {
  const lines = lengthOf(file)
  return lines > LONGEST_FILE && (longFiles[file.path] ?? '') === '' ? [`${file.path}: ${lines} lines want a reason`] : []
}

function exportFaults(file: SourceFile): string[] {
  const source = parse(file)
  const faults: string[] = []
  visit(source, (node) => {
    const modifiers = ts.canHaveModifiers(node) ? (ts.getModifiers(node) ?? []) : []
    const named =
      ts.isExportDeclaration(node) && node.exportClause !== undefined && ts.isNamedExports(node.exportClause)
        ? node.exportClause.elements
        : []
    if (
      ts.isExportAssignment(node) ||
      modifiers.some(({ kind }) => kind === ts.SyntaxKind.DefaultKeyword) ||
      named.some((one) => one.name.text === 'default')
    )
      faults.push(`${file.path}:${lineOf(source, node)}: a default export`)
    if (ts.isExportDeclaration(node) && (node.exportClause === undefined || ts.isNamespaceExport(node.exportClause)))
      faults.push(`${file.path}:${lineOf(source, node)}: exports whatever another file does`)
    if (ts.isEnumDeclaration(node)) faults.push(`${file.path}:${lineOf(source, node)}: an enum`)
    if (node.kind === ts.SyntaxKind.AnyKeyword) faults.push(`${file.path}:${lineOf(source, node)}: any`)
    if (ts.isNonNullExpression(node)) faults.push(`${file.path}:${lineOf(source, node)}: a non-null assertion`)
  })
  return faults
}

function surroundingsFaults(file: SourceFile): string[] {
  const source = parse(file)
  const faults: string[] = []
  visit(source, (node) => {
    if (ts.isIdentifier(node) && node.text === 'console' && isValue(node)) faults.push(`${file.path}:${lineOf(source, node)}: console`)
    if (
      ts.isPropertyAccessExpression(node) &&
      node.expression.getText(source) === 'process' &&
      /^(?:env|argv|exit|on|once|emitWarning)$/.test(node.name.text)
    )
      faults.push(`${file.path}:${lineOf(source, node)}: process.${node.name.text}`)
    if (
      ts.isPropertyAccessExpression(node) &&
      ts.isBinaryExpression(node.parent) &&
      node.parent.left === node &&
      /^global(?:This)?$/.test(node.expression.getText(source))
    )
      faults.push(`${file.path}:${lineOf(source, node)}: changes the global object`)
  })
  for (const { specifier, line } of importsOf(file))
    if (/^(?:node:)?process$/.test(specifier)) faults.push(`${file.path}:${line}: imports process`)
  return faults
}

function isValue(node: ts.Identifier): boolean {
  return !(ts.isPropertyAccessExpression(node.parent) && node.parent.name === node) && !ts.isPropertyAssignment(node.parent)
}

function socketFaults(name: string, file: SourceFile): string[] {
  return importsOf(file).flatMap(({ specifier, typeOnly, names, line }) => {
    if (isBuiltin(specifier) && !specifier.startsWith('node:')) return [`${file.path}:${line}: write node:${specifier}`]
    const harmless = typeOnly || (names?.every((one) => HARMLESS.has(one)) ?? false)
    return !harmless && SOCKETS.has(specifier) && !(name in MAY_TOUCH_SOCKETS) && !(file.path in MAY_TOUCH_SOCKETS)
      ? [`${file.path}:${line}: ${name} touches no sockets: ${specifier}`]
      : []
  })
}

function indexFaults(file: SourceFile): string[] {
  const source = parse(file)
  return source.statements
    .filter((statement) => !ts.isExportDeclaration(statement) && !ts.isModuleDeclaration(statement) && !ts.isImportDeclaration(statement))
    .map((statement) => `${file.path}:${lineOf(source, statement)}: an index holds re-exports alone`)
}
