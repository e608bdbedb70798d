// What was compiled where: `tsc --build` never deletes, so the output of a deleted source would be tested and packed for ever.
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'

const folders = (parent) =>
  existsSync(parent)
    ? readdirSync(parent, { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map((entry) => entry.name)
        .sort()
    : []

/** Every file below `folder`, as a path relative to it with `/`. Never enters node_modules. */
export function filesBelow(folder) {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { withFileTypes: true })
    .flatMap((entry) => {
      if (entry.isDirectory())
        return entry.name === 'node_modules' ? [] : filesBelow(join(folder, entry.name)).map((file) => `${entry.name}/${file}`)
      return [entry.name]
    })
    .sort()
}

/** The pairs of source and output folder: `tests` says whether test files are looked for in it. */
export function projects(root) {
  const packages = folders(join(root, 'packages')).filter((name) => existsSync(join(root, 'packages', name, 'package.json')))
  const examples = folders(join(root, 'examples')).filter((name) => existsSync(join(root, 'examples', name, 'package.json')))
  return [
    ...packages.flatMap((name) => [
      { name: `packages/${name}`, source: `packages/${name}/src`, output: `packages/${name}/dist`, tests: false },
      { name: `packages/${name}`, source: `packages/${name}/test`, output: `packages/${name}/dist-test`, tests: true },
    ]),
    ...examples.map((name) => ({
      name: `examples/${name}`,
      source: `examples/${name}/src`,
      output: `examples/${name}/dist`,
      // What has exports is there for the other examples, whose tests use it.
      tests: JSON.parse(readFileSync(join(root, 'examples', name, 'package.json'), 'utf8')).exports === undefined,
    })),
    { name: 'test/fixture', source: 'test/fixture/src', output: 'test/fixture/dist', tests: false },
    { name: 'test', source: 'test', output: 'test/dist', tests: true },
  ]
}

/** Output files whose source is gone, relative to `root`. */
export function leftovers(root) {
  return projects(root).flatMap(({ source, output }) =>
    filesBelow(join(root, output))
      .filter((file) => /\.(?:js|d\.ts)(?:\.map)?$/.test(file))
      .filter((file) => !existsSync(join(root, source, file.replace(/\.(?:js|d\.ts)(?:\.map)?$/, '.ts'))))
      .map((file) => `${output}/${file}`),
  )
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const root = process.cwd()
  for (const file of leftovers(root)) {
    rmSync(join(root, file))
    console.log(`removed ${relative(root, join(root, file))}: its source is gone`)
  }
}
