/** No deeper: a cause may be its own. */
const MAX_CAUSES = 8

/**
 * Why something that was asked for over the network could not be had, or does not count. Its message is a fixed text, for the log; its
 * `code` is the one of the failure at the root, such as `ECONNREFUSED` or `UNABLE_TO_VERIFY_LEAF_SIGNATURE`, if that has one.
 */
export class FetchError extends Error {
  override readonly name = 'FetchError'
  readonly code: string | undefined

  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = rootCode(options?.cause)
  }
}

function rootCode(cause: unknown): string | undefined {
  let code: string | undefined
  let error = cause
  for (let depth = 0; depth < MAX_CAUSES && error instanceof Error; depth++, error = error.cause) {
    if ('code' in error && typeof error.code === 'string') code = error.code
  }
  return code
}
