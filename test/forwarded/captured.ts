import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../house/root.js'
import type { ProxyKind } from '../proxies/proxy.js'

/** Where the captured header lists stand. */
export const CAPTURED = 'test/forwarded/captured.json'

/** Names and values in turn, as they came. `null`: the proxy refused the client itself. */
export type HeaderList = readonly string[] | null

/** What real proxies sent for certificates whose keys nobody has any more. */
export interface Captured {
  readonly capturedAtMs: number
  /** PEM, without a key among them. */
  readonly certificates: {
    readonly authority: string
    readonly client: string
    readonly expired: string
    readonly stranger: string
  }
  readonly proxies: readonly CapturedProxy[]
}

export interface CapturedProxy {
  readonly name: ProxyKind['name']
  readonly version: string
  /** `expired` and `stranger`: from a proxy that lets through what it does not trust. */
  readonly headers: Readonly<Record<'client' | 'none' | 'resumed' | 'expired' | 'stranger', HeaderList>>
}

export function readCaptured(): Captured {
  return JSON.parse(readFileSync(join(ROOT, CAPTURED), 'utf8')) as Captured
}
