import type { RevocationListMetadata } from '@countersign/x509'
import type { Paint } from './paint.js'
import { renderRows } from './table.js'
import { printable } from './terminal.js'
import { isoTime, timeLeft } from './time-left.js'

/** Revocation lists as a table for people. */
export function describeRevocationLists(lists: readonly RevocationListMetadata[], nowMs: number, paint: Paint): string {
  const title = (index: number) => (lists.length === 1 ? 'Revocation list' : `Revocation list ${index + 1} of ${lists.length}`)
  return lists.map((list, index) => `${paint('bold', title(index))}\n${renderList(list, nowMs, paint)}`).join('\n')
}

/** Revocation lists for programs. */
export function revocationListsAsJson(lists: readonly RevocationListMetadata[]): object {
  return {
    kind: 'revocation-lists',
    lists: lists.map((list) => ({
      issuer: list.issuer,
      authorityKeyId: list.authorityKeyId,
      thisUpdate: isoTime(list.thisUpdate),
      nextUpdate: isoTime(list.nextUpdate),
      signatureAlgorithm: list.signatureAlgorithm,
      entries: list.entries,
      unusable: list.unusable,
    })),
  }
}

function renderList(list: RevocationListMetadata, nowMs: number, paint: Paint): string {
  const dates = `${isoTime(list.thisUpdate)} to ${isoTime(list.nextUpdate)}`
  return renderRows(
    [
      ['issuer', printable(list.issuer)],
      ['issuer key ID', list.authorityKeyId],
      ['valid', `${dates}, ${timeLeft(list.nextUpdate.getTime(), nowMs, paint)}`],
      ['entries', String(list.entries)],
      ['signed with', printable(list.signatureAlgorithm)],
      ['not usable', list.unusable === null ? null : paint('red', list.unusable)],
    ],
    paint,
  )
}
