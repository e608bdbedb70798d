import { apache } from './apache.js'
import { caddy } from './caddy.js'
import { haproxy } from './haproxy.js'
import { nginx } from './nginx.js'
import type { ProxyKind } from './proxy.js'

/** Every proxy that the guide has a configuration for. */
export const PROXY_KINDS: readonly ProxyKind[] = [nginx, haproxy, apache, caddy]
