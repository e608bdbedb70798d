import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A folder of the test's own, removed with it. */
export function temporaryFolder(t: { after(work: () => void): void }): string {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-issuer-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Runs openssl with the texts as files; each argument that is a name of `files` becomes its path. Returns stdout and stderr. */
export function openssl(t: { after(work: () => void): void }, args: readonly string[], files: Readonly<Record<string, string>>): string {
  const folder = temporaryFolder(t)
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  const paths = args.map((arg) => (Object.hasOwn(files, arg) ? join(folder, arg) : arg))
  return execFileSync('openssl', paths, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}
