/** Why a bundle could not be had from its endpoint. Fixed texts, for the log. */
export class BundleError extends Error {
  override readonly name = 'BundleError'
}
