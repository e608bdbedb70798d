export { type AuthorizeOption, createAuthorizer } from './authorizer.js'
export type { CallerMatch, Rule } from './rule.js'
