// Reads what node's own tap reporter wrote: its closing lines for the counts, its points for what was skipped and why.

/**
 * @returns {{ passed: number, failed: number, skipped: number, skips: string[], empty: string[] } | null} `empty`: files without a test.
 * `null` unless the run came to its end.
 */
export function countsFromTap(text) {
  const closing = (name) => {
    const found = text.match(new RegExp(`^# ${name} (\\d+)$`, 'm'))
    return found === null ? null : Number(found[1])
  }
  const [passed, failed, cancelled, skipped, todo] = ['pass', 'fail', 'cancelled', 'skipped', 'todo'].map(closing)
  if (passed === null || failed === null || cancelled === null || skipped === null || todo === null) return null
  const skips = [...text.matchAll(/^ *(?:not )?ok \d+ - (.*?) # (?:SKIP|TODO)(.*)$/gm)].map(
    ([, name, reason]) => `${name}: ${reason.trim() || 'no reason given'}`,
  )
  // Node counts a file that holds no test as one test that passed, named like the file.
  const empty = [...text.matchAll(/^ok \d+ - (.+\.test\.js)$/gm)].map(([, file]) => file)
  return { passed: passed - empty.length, failed: failed + cancelled + empty.length, skipped: skipped + todo, skips, empty }
}

/** What people read of a spec report: the failures if there are any, and the closing lines. */
export function closingOfSpec(text) {
  const lines = text.split('\n')
  const start = lines.findIndex((line) => /^ℹ tests \d+/.test(line))
  return start === -1 ? text.trimEnd() : lines.slice(start).join('\n').trimEnd()
}
