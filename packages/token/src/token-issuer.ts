import type { IntrospectedOptions } from './introspection/options.js'
import type { JwtOptions } from './options.js'

/** An issuer whose tokens are accepted: its JWTs are verified with its `keys`, or it is asked about its tokens by `introspection`. */
export type TokenIssuer = JwtOptions | IntrospectedOptions
