import { cloudflare, cloudflareRfc9440, cloudfront, rfc9440 } from './edge-formats.js'
import type { ForwardedFormat, ForwardedFormatName } from './format.js'
import { albPassthrough, albVerify, apiGateway, azureAppGateway, azureAppService, gcp } from './load-balancer-formats.js'
import { envoyXfcc, envoyXfccJson, istio, linkerd } from './mesh-formats.js'
import { apache, caddy, haproxy, ingressNginx, nginx, traefik } from './web-server-formats.js'

/** Every format that is read, by name; each of them frozen. */
export const FORWARDED_FORMATS: ReadonlyMap<ForwardedFormatName, ForwardedFormat> = new Map(
  [
    envoyXfcc,
    envoyXfccJson,
    istio,
    linkerd,
    nginx,
    ingressNginx,
    apache,
    haproxy,
    traefik,
    caddy,
    albVerify,
    albPassthrough,
    cloudfront,
    apiGateway,
    gcp,
    azureAppService,
    azureAppGateway,
    cloudflare,
    cloudflareRfc9440,
    rfc9440,
  ].map((format) => [format.name, format]),
)
