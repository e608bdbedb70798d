/** Where a code is proven that no request of the conformance table can reach, such as one that needs a broken dependency. */
export interface Elsewhere {
  /** The test file, relative to the root of the repository. */
  readonly file: string
  /** The name of the test in it, whole. */
  readonly test: string
}

/** One entry a code. The house check holds that the named test exists and names the code. */
export const ELSEWHERE: Readonly<Record<string, Elsewhere>> = {}
