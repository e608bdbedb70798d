// The servers that tests start: those that `test/proxies` puts in front of a guarded service, and the store of `test/redis`. They come from
// the distribution: Debian's and Ubuntu's packages, installed where this runs as root, as CI and containers do. Anybody else is told
// what to install. No daemon of theirs is started.
import { execFile } from 'node:child_process'
import { accessSync, constants, existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)

const INSTALL_TIMEOUT_MS = 300_000
const ASK_TIMEOUT_MS = 20_000
const POLICY = '/usr/sbin/policy-rc.d'
const PACKAGE_LISTS = '/var/lib/apt/lists'

/**
 * By the name of the program. `version`: the arguments that make it say which version it is, and where in the answer that stands.
 * @type {Readonly<Record<string, { package: string, ask: string[], version: RegExp }>>}
 */
export const SERVERS = Object.freeze({
  nginx: { package: 'nginx', ask: ['-v'], version: /nginx\/(\S+)/ },
  haproxy: { package: 'haproxy', ask: ['-v'], version: /version (\d[\d.]*)/ },
  apache2: { package: 'apache2', ask: ['-v'], version: /Apache\/(\S+)/ },
  caddy: { package: 'caddy', ask: ['version'], version: /v?(\d[\d.]*)/ },
  'redis-server': { package: 'redis-server', ask: ['--version'], version: /v=(\d[\d.]*)/ },
  openssl: { package: 'openssl', ask: ['version'], version: /OpenSSL (\S+)/ },
})

/** Where a program is, or `null`. Beside every `bin` of the path its `sbin` is looked into too: servers stand there, and few have it on their path. */
export function locate(name, path = process.env.PATH ?? '') {
  const folders = path
    .split(delimiter)
    .flatMap((folder) => (/\/bin\/?$/.test(folder) ? [folder, folder.replace(/bin\/?$/, 'sbin')] : [folder]))
  for (const folder of folders) {
    const file = join(folder, name)
    try {
      accessSync(file, constants.X_OK)
      return file
    } catch {
      // Not here.
    }
  }
  return null
}

/**
 * These servers: where each is and which version, or why it is not there. What is missing is installed if it can be.
 * @param {readonly string[]} names
 * @returns {Promise<({ name: string, path: string, version: string } | { name: string, reason: string })[]>}
 */
export async function servers(names = Object.keys(SERVERS)) {
  const missing = names.filter((name) => locate(name) === null)
  const failure = missing.length === 0 ? null : await install(missing.map((name) => SERVERS[name].package))
  return Promise.all(
    names.map(async (name) => {
      const path = locate(name)
      if (path === null) return { name, reason: `${name} is not installed: ${failure ?? `apt-get install ${SERVERS[name].package}`}` }
      const version = await versionOf(name, path)
      return version === null ? { name, reason: `${path} does not say its version: it cannot be run` } : { name, path, version }
    }),
  )
}

async function versionOf(name, path) {
  try {
    // nginx answers on the other stream.
    const { stdout, stderr } = await run(path, SERVERS[name].ask, { timeout: ASK_TIMEOUT_MS })
    return SERVERS[name].version.exec(stdout + stderr)?.[1] ?? null
  } catch {
    return null
  }
}

/** Why the packages could not be installed, or `null`. */
async function install(packages) {
  const byHand = `apt-get install ${packages.join(' ')}`
  const aptGet = locate('apt-get')
  if (aptGet === null) return 'install it by the means of this system'
  if (process.getuid?.() !== 0) return `only root can: ${byHand}`
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const apt = (...args) => run(aptGet, ['-q', '-y', ...args], { env, timeout: INSTALL_TIMEOUT_MS, maxBuffer: 16_777_216 })
  const installAll = () => apt('install', '--no-install-recommends', ...packages)
  const unforbid = forbidDaemons()
  try {
    if (!hasPackageLists()) await apt('update')
    try {
      await installAll()
    } catch {
      // The lists may name versions that the archive no longer has.
      await apt('update')
      await installAll()
    }
    return null
  } catch (error) {
    return `${byHand} failed${/^E: .*$/m.exec(error.stderr ?? '')?.[0].replace(/^E:/, ':') ?? ''}`
  } finally {
    unforbid()
  }
}

function hasPackageLists() {
  return existsSync(PACKAGE_LISTS) && readdirSync(PACKAGE_LISTS).some((file) => file.endsWith('Packages') || /Packages\.\w+$/.test(file))
}

/** Debian's packages start what they install, unless this file forbids it. One that is there already is the machine's own. */
function forbidDaemons() {
  if (existsSync(POLICY)) return () => {}
  writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  return () => rmSync(POLICY, { force: true })
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const found = await servers()
  for (const server of found) console.log(`${server.name}: ${'reason' in server ? server.reason : `${server.version} at ${server.path}`}`)
  process.exitCode = found.some((server) => 'reason' in server) ? 1 : 0
}
