import { FORWARDED_FORMATS } from './formats.js'

/**
 * Names of the fields by which proxies say who the client is, lowercase, as far as one would know them without any options. That of
 * the Lambda Web Adapter is not among them: it holds the whole request context, and services read it for other things.
 */
export const FORWARDED_FIELDS: readonly string[] = Object.freeze([
  ...new Set([...FORWARDED_FORMATS.values()].filter(({ name }) => name !== 'api-gateway').flatMap(({ fields }) => Object.values(fields))),
])
