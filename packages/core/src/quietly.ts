/** Reports to a sink that is not ours: one that throws must not decide whether a caller gets in. */
export function quietly(report: () => void): void {
  try {
    report()
  } catch {
    // Nobody is left to tell.
  }
}
