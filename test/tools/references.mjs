// Writes every tsconfig.json from the package.json beside it, so that project references and dependencies cannot disagree.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { posix } from 'node:path'

const json = (path) => JSON.parse(readFileSync(path, 'utf8'))
const list = (folder) =>
  existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => existsSync(`${folder}/${name}/package.json`))
        .sort()
    : []
const FOLDERS = { '@countersign': 'packages', '@countersign-example': 'examples', '@countersign-internal': 'test' }
/** References from a project's folder to our own packages among these dependencies. */
const references = (from, pkg, ...fields) =>
  fields
    .flatMap((field) => Object.keys(pkg[field] ?? {}))
    .map((name) => name.split('/'))
    .filter(([scope]) => scope in FOLDERS)
    .map(([scope, name]) => ({ path: posix.relative(from, `${FOLDERS[scope]}/${name}`) }))

function write(path, config) {
  const text = `${JSON.stringify(config, null, 2)}\n`
  if (!existsSync(path) || readFileSync(path, 'utf8') !== text) writeFileSync(path, text)
}

const all = []
for (const name of list('packages')) {
  const pkg = json(`packages/${name}/package.json`)
  write(`packages/${name}/tsconfig.json`, {
    extends: '../../tsconfig.base.json',
    compilerOptions: { rootDir: 'src', outDir: 'dist', tsBuildInfoFile: 'dist/.tsbuildinfo' },
    include: ['src'],
    references: references(`packages/${name}`, pkg, 'dependencies'),
  })
  write(`packages/${name}/test/tsconfig.json`, {
    extends: '../../../tsconfig.base.json',
    compilerOptions: {
      rootDir: '.',
      outDir: '../dist-test',
      tsBuildInfoFile: '../dist-test/.tsbuildinfo',
      declaration: false,
      declarationMap: false,
      composite: false,
      incremental: true,
    },
    include: ['.'],
    references: [{ path: '..' }, ...references(`packages/${name}/test`, pkg, 'dependencies', 'devDependencies')],
  })
  all.push(`packages/${name}`, `packages/${name}/test`)
}
for (const name of list('examples')) {
  const pkg = json(`examples/${name}/package.json`)
  const library = pkg.exports !== undefined
  write(`examples/${name}/tsconfig.json`, {
    extends: '../../tsconfig.base.json',
    compilerOptions: {
      rootDir: 'src',
      outDir: 'dist',
      tsBuildInfoFile: 'dist/.tsbuildinfo',
      ...(library ? {} : { declaration: false, declarationMap: false, composite: false, incremental: true }),
    },
    include: ['src'],
    references: references(`examples/${name}`, pkg, 'dependencies', 'devDependencies'),
  })
  all.push(`examples/${name}`)
}
if (existsSync('test/fixture/package.json')) {
  write('test/fixture/tsconfig.json', {
    extends: '../../tsconfig.base.json',
    compilerOptions: { rootDir: 'src', outDir: 'dist', tsBuildInfoFile: 'dist/.tsbuildinfo' },
    include: ['src'],
    references: references('test/fixture', json('test/fixture/package.json'), 'dependencies'),
  })
  all.push('test/fixture')
}
if (existsSync('test/package.json')) {
  write('test/tsconfig.json', {
    extends: '../tsconfig.base.json',
    compilerOptions: {
      rootDir: '.',
      outDir: 'dist',
      tsBuildInfoFile: 'dist/.tsbuildinfo',
      declaration: false,
      declarationMap: false,
      composite: false,
      incremental: true,
    },
    include: ['**/*.ts'],
    exclude: ['dist', 'fixture'],
    references: list('packages').map((name) => ({ path: `../packages/${name}` })),
  })
  all.push('test')
}
write('tsconfig.json', { files: [], references: all.map((path) => ({ path })) })
