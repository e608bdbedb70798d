import type { Mesh } from './credentials.js'
import { profileVariant } from './rounds.js'
import type { StackName } from './stacks/stacks.js'
import { table } from './table.js'

const REQUESTS = 30_000
const SHOWN = 25

/** Where the time of a protected server goes: our functions by the time in themselves, and what of all the rest was dear. */
export async function profileReport(stack: StackName, mesh: Mesh): Promise<string> {
  const { functions, samples } = await profileVariant(stack, 'countersign', mesh, REQUESTS)
  const share = (selfShare: number): string => `${(selfShare * 100).toFixed(2)} %`
  const ours = functions.filter(({ ours }) => ours)
  const all = ours.reduce((sum, { selfShare }) => sum + selfShare, 0)
  const rows = (some: typeof functions) =>
    some.slice(0, SHOWN).map(({ name, place, selfShare }) => [`${name} (${place})`, share(selfShare)])
  return [
    table([`ours, of ${samples} samples: ${share(all)}`, 'self'], rows(ours)),
    '',
    table(['all others', 'self'], rows(functions.filter(({ ours }) => !ours))),
  ].join('\n')
}
