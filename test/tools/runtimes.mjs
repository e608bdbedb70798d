// The Node versions that the adapter suites run on. Their binaries come from npm, one package a platform, into `.runtimes/`: outside
// every workspace, and called by path, since a `node` in node_modules/.bin would replace the one that npm scripts use.
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** One version a supported line, exact, so that a run can be repeated. None is below the line's last release with a TLS hole. */
export const VERSIONS = Object.freeze(['20.20.2', '22.23.3', '24.21.0', '26.10.0'])

const INSTALL_TIMEOUT_MS = 300_000
const ASK_TIMEOUT_MS = 20_000

/** Packages with a binary for this platform, most usual first. */
export function packagesFor(platform = process.platform, arch = process.arch) {
  const system = platform === 'win32' ? 'win' : platform
  return [`node-${system}-${arch}`, `node-bin-${system}-${arch}`]
}

const binary = (folder, name) => join(folder, 'node_modules', name, 'bin', process.platform === 'win32' ? 'node.exe' : 'node')

/** What the binary at `path` says it is, such as `24.21.0`; `null` if it cannot be run. */
export async function versionOf(path) {
  try {
    const { stdout } = await run(path, ['-p', 'process.versions.node'], { timeout: ASK_TIMEOUT_MS })
    return stdout.trim()
  } catch {
    return null
  }
}

/**
 * The path of a Node of just this version, installed if it is not there yet.
 * @returns {Promise<{ version: string, path: string } | { version: string, reason: string }>}
 */
export async function runtime(root, version) {
  if (process.versions.node === version) return { version, path: process.execPath }
  const folder = join(root, '.runtimes', version)
  const found = packagesFor()
    .map((name) => binary(folder, name))
    .find((path) => existsSync(path))
  const path = found ?? (await install(folder, version))
  if (path === null)
    return { version, reason: `no binary of Node ${version} for ${process.platform}-${process.arch} could be installed from npm` }
  const actual = await versionOf(path)
  if (actual !== version) {
    rmSync(folder, { recursive: true, force: true })
    return { version, reason: `the binary installed for Node ${version} says it is ${actual ?? 'nothing: it cannot be run'}` }
  }
  return { version, path }
}

async function install(folder, version) {
  for (const name of packagesFor()) {
    mkdirSync(folder, { recursive: true })
    // A manifest of its own: npm would otherwise look upwards and take the repository for the place to install to.
    writeFileSync(join(folder, 'package.json'), '{ "private": true }\n')
    const args = [
      'install',
      '--prefix',
      folder,
      '--no-save',
      '--no-package-lock',
      '--ignore-scripts',
      '--no-audit',
      '--no-fund',
      `${name}@${version}`,
    ]
    try {
      await run('npm', args, { cwd: folder, timeout: INSTALL_TIMEOUT_MS, shell: process.platform === 'win32' })
      if (existsSync(binary(folder, name))) return binary(folder, name)
    } catch {
      // The package does not exist for this platform, or the registry cannot be reached: the caller reports which version is missing.
    }
    rmSync(folder, { recursive: true, force: true })
  }
  return null
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  let missing = 0
  for (const version of VERSIONS) {
    const found = await runtime(process.cwd(), version)
    if ('reason' in found) missing += 1
    console.log(`Node ${version}: ${found.path ?? found.reason}`)
  }
  process.exitCode = missing === 0 ? 0 : 1
}
