// Writes every tsconfig.json from the package.json beside it, so that project references and dependencies cannot disagree.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'

const json = (path) => JSON.parse(readFileSync(path, 'utf8'))
const list = (folder) =>
  existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => existsSync(`${folder}/${name}/package.json`))
        .sort()
    : []
const own = (pkg, field) =>
  Object.keys(pkg[field] ?? {})
    .filter((name) => name.startsWith('@countersign/'))
    .map((name) => name.slice('@countersign/'.length))

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
    references: own(pkg, 'dependencies').map((dependency) => ({ path: `../${dependency}` })),
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
    references: [
      { path: '..' },
      ...[...own(pkg, 'dependencies'), ...own(pkg, 'devDependencies')].map((dependency) => ({ path: `../../${dependency}` })),
    ],
  })
  all.push(`packages/${name}`, `packages/${name}/test`)
}
for (const name of list('examples')) {
  const pkg = json(`examples/${name}/package.json`)
  const library = pkg.exports !== undefined
  const folderOf = (dependency) =>
    dependency.startsWith('@countersign/')
      ? `../../packages/${dependency.slice('@countersign/'.length)}`
      : `../${dependency.slice('@countersign-example/'.length)}`
  write(`examples/${name}/tsconfig.json`, {
    extends: '../../tsconfig.base.json',
    compilerOptions: {
      rootDir: 'src',
      outDir: 'dist',
      tsBuildInfoFile: 'dist/.tsbuildinfo',
      ...(library ? {} : { declaration: false, declarationMap: false, composite: false, incremental: true }),
    },
    include: ['src'],
    references: Object.keys({ ...pkg.dependencies, ...pkg.devDependencies })
      .filter((dependency) => /^@countersign(-example)?\//.test(dependency))
      .map((dependency) => ({ path: folderOf(dependency) })),
  })
  all.push(`examples/${name}`)
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
    exclude: ['dist'],
    references: list('packages').map((name) => ({ path: `../packages/${name}` })),
  })
  all.push('test')
}
write('tsconfig.json', { files: [], references: all.map((path) => ({ path })) })
