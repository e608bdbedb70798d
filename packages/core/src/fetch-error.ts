/** Why something that was asked for over the network could not be had, or does not count. Its message is a fixed text, for the log. */
export class FetchError extends Error {
  override readonly name = 'FetchError'
}
