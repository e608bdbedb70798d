import { dirname, join } from 'node:path'
import ts from 'typescript'

/** One block of TypeScript in a page, or of JavaScript that begins with the name of its file. */
export interface Example {
  /** Page and line where the block begins, such as `README.md:12`. */
  readonly at: string
  readonly text: string
  /** Such as `call.mjs`, by which the others of its page import it; `null`: a module that nobody imports. */
  readonly file: string | null
}

const STRICT: ts.CompilerOptions = {
  module: ts.ModuleKind.NodeNext,
  target: ts.ScriptTarget.ES2023,
  lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts'],
  strict: true,
  noUncheckedIndexedAccess: true,
  exactOptionalPropertyTypes: true,
  skipLibCheck: true,
  noEmit: true,
  allowJs: true,
  checkJs: true,
  types: ['node'],
}

/** Every block that begins with ```` ```ts ````, or with ```` ```js ```` and a line such as `// call.mjs`. */
export function examplesIn(page: string, text: string): Example[] {
  return [...text.matchAll(/^```(?:ts|js(?=\n\/\/ [\w-]+\.mjs\n))\n(?:\/\/ ([\w-]+\.mjs)\n)?([\s\S]*?)^```$/gm)].map((found) => ({
    at: `${page}:${text.slice(0, found.index).split('\n').length}`,
    text: found[2] ?? '',
    file: found[1] ?? null,
  }))
}

/**
 * What a strict compiler has to say about examples, each a module of its own below the folder `from`, so that it finds what is installed
 * there. Those of one page that have names stand beside each other.
 */
export function compileExamples(examples: readonly Example[], from: string): string[] {
  const files = new Map(examples.map((example, index) => [join(from, pathOf(example, index)), example]))
  const host = ts.createCompilerHost(STRICT)
  const { readFile, fileExists, getSourceFile, directoryExists } = host
  const folders = new Set([...files.keys()].map((path) => dirname(path)))
  host.directoryExists = (path) => folders.has(path) || directoryExists?.(path) === true
  host.fileExists = (path) => files.has(path) || fileExists(path)
  host.readFile = (path) => files.get(path)?.text ?? readFile(path)
  host.getSourceFile = (path, version, ...rest) => {
    const example = files.get(path)
    // `export {}` makes a module of an example that imports nothing.
    return example === undefined
      ? getSourceFile(path, version, ...rest)
      : ts.createSourceFile(path, `${example.text}\nexport {}\n`, version, true)
  }
  const program = ts.createProgram([...files.keys()], STRICT, host)
  return ts.getPreEmitDiagnostics(program).map(({ file, start, messageText }) => {
    const example = file === undefined ? undefined : files.get(file.fileName)
    const line = file === undefined || start === undefined ? 0 : file.getLineAndCharacterOfPosition(start).line + 1
    return `${example === undefined ? (file?.fileName ?? '') : `${example.at}, line ${line} of the example`}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`
  })
}

function pathOf({ at, file }: Example, index: number): string {
  return file === null ? `example-${index}.mts` : join(at.slice(0, at.lastIndexOf(':')).replaceAll(/[^\w-]/g, '-'), file)
}

/** Links of a page to files of this repository that are not there. `exists` is asked with paths relative to the page. */
export function brokenLinks(page: string, text: string, exists: (path: string) => boolean): string[] {
  const prose = text.replace(/^```[\s\S]*?^```$/gm, '')
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^[a-z]+:/i.test(target))
    .filter((target) => {
      const [path = '', anchor] = target.split('#')
      if (path !== '') return !exists(path)
      return anchor !== undefined && !anchorsOf(text).has(anchor)
    })
    .map((target) => `${page}: ${target} leads to nowhere`)
}

function anchorsOf(text: string): Set<string> {
  return new Set(
    [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N}_ -]/gu, '')
        .trim()
        .replaceAll(' ', '-'),
    ),
  )
}
