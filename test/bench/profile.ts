import type { Profiler } from 'node:inspector'

/** Where the time went, by function. */
export interface Profile {
  /** Samples taken while the process was not idle. */
  readonly samples: number
  readonly functions: readonly ProfiledFunction[]
}

export interface ProfiledFunction {
  readonly name: string
  /** `package/file:line` of ours, the package of others, `node:…` of Node. */
  readonly place: string
  /** Share of the time that the process was not idle, in this function itself. */
  readonly selfShare: number
  readonly ours: boolean
}

const IDLE = new Set(['(idle)', '(root)'])

/** Sums the samples of each function. */
export function topFunctions({ nodes, samples = [] }: Profiler.Profile): Profile {
  const byId = new Map(nodes.map((node) => [node.id, node.callFrame]))
  const counts = new Map<string, { frame: Profiler.Profile['nodes'][number]['callFrame']; count: number }>()
  let busy = 0
  for (const id of samples) {
    const frame = byId.get(id)
    if (frame === undefined || IDLE.has(frame.functionName)) continue
    busy += 1
    const key = `${frame.functionName} ${frame.url} ${frame.lineNumber}`
    const entry = counts.get(key)
    if (entry === undefined) counts.set(key, { frame, count: 1 })
    else entry.count += 1
  }
  const functions = [...counts.values()].map(({ frame, count }): ProfiledFunction => {
    const ours = /\/packages\/([a-z0-9]+)\/dist\/(.+)$/.exec(frame.url)
    const others = /\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(frame.url)
    const place =
      ours !== null ? `${ours[1]}/${ours[2]}:${frame.lineNumber + 1}` : (others?.[1] ?? (frame.url === '' ? 'native' : frame.url))
    return { name: frame.functionName === '' ? '(anonymous)' : frame.functionName, place, selfShare: count / busy, ours: ours !== null }
  })
  return { samples: busy, functions: functions.sort((one, other) => other.selfShare - one.selfShare) }
}
