const FIRST_MS = 200
const MAX_MS = 30_000

/**
 * How long to wait after so many failures in a row: twice as long each time, and somewhere in the upper half of it, so that those who
 * failed together do not come back together.
 * @param random from 0 to 1.
 */
export function backOffMs(failures: number, random: number): number {
  const fullMs = Math.min(MAX_MS, FIRST_MS * 2 ** (failures - 1))
  return Math.ceil(fullMs / 2 + (random * fullMs) / 2)
}
