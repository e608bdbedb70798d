/** Oldest releases of each Node line without a known TLS hole that touches client certificates (CVE-2026-48934, -58040, -56850). */
const SAFE_SINCE: ReadonlyMap<number, readonly [minor: number, patch: number]> = new Map([
  [22, [23, 2]],
  [24, [18, 1]],
  [26, [5, 1]],
])

/**
 * What is to be said of the Node version that runs us.
 * @param version such as `v22.23.3`
 * @returns fixed text; `null` if there is nothing to say.
 */
export function runtimeNotice(version: string): string | null {
  const [major = 0, minor = 0, patch = 0] = version
    .replace(/^v/, '')
    .split('.')
    .map((part) => Number.parseInt(part, 10))
  const safe = SAFE_SINCE.get(major)
  if (safe === undefined) return major > 26 ? null : `Node ${major} is past its end of life and gets no security fixes: run Node 24 or 26`
  const [safeMinor, safePatch] = safe
  if (minor > safeMinor || (minor === safeMinor && patch >= safePatch)) return null
  return `Node ${version} has a known TLS hole: run ${major}.${safeMinor}.${safePatch} or later`
}
