import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { MisuseError } from '@countersign/core'
import { parseSpiffeBundle, type SpiffeBundle } from '@countersign/x509'
import { ROOT } from '../house/root.js'
import { createTally } from './jose-tally.js'

interface BundleCases {
  readonly trustDomain: string
  readonly cases: readonly {
    readonly file: string
    readonly ok: boolean
    readonly keys?: number
    readonly witKeys?: number
    readonly refreshHintSeconds?: number
    readonly sequenceNumber?: number
  }[]
}

// Handed to a checkout beside it, and in no repository.
const FOLDER = join(ROOT, '..', 'shared', 'vectors', 'spiffe')
const without = existsSync(FOLDER) ? false : `the vectors are not in ${FOLDER}`

function read(path: string, trustDomain: string): SpiffeBundle | string {
  try {
    return parseSpiffeBundle(readFileSync(join(FOLDER, path)), trustDomain)
  } catch (error) {
    if (error instanceof MisuseError && error.code === 'ERR_TRUST_UNREADABLE') return error.message
    throw error
  }
}

function entriesFor(use: string, path: string): number {
  const { keys } = JSON.parse(readFileSync(join(FOLDER, path), 'utf8')) as { readonly keys: readonly { readonly use: string }[] }
  return keys.filter((key) => key.use === use).length
}

test('gives the right verdict on every bundle of go-spiffe', { skip: without }, () => {
  const { trustDomain, cases } = JSON.parse(readFileSync(join(FOLDER, 'bundle-cases.json'), 'utf8')) as BundleCases
  const tally = createTally('spiffe/bundle-cases.json')
  for (const { file, ok, keys = 0, witKeys = 0, refreshHintSeconds = null, sequenceNumber = null } of cases) {
    const bundle = read(file, trustDomain)
    if (typeof bundle === 'string') {
      tally.judge(file, !ok, `must be accepted, not refused: ${bundle}`)
      continue
    }
    const { x509Authorities, jwtAuthorities, witAuthorities, sequence } = bundle
    const found = [x509Authorities.length, jwtAuthorities.size, witAuthorities.size, bundle.refreshHintSeconds, sequence]
    // A note in the file calls `keys` the X.509 and the JWT authorities together; its numbers are those of the JWT authorities alone.
    const meant = [
      entriesFor('x509-svid', file),
      keys,
      witKeys,
      refreshHintSeconds,
      sequenceNumber === null ? null : BigInt(sequenceNumber),
    ]
    tally.judge(file, ok && found.every((value, i) => value === meant[i]), `is ${ok ? `${meant}, not ${found}` : 'to be refused'}`)
  }
  tally.print()
  assert.deepEqual(tally.wrong, [])
  assert.deepEqual([tally.ran, tally.skipped], [6, 0])
})

test('takes an empty list of keys, which go-spiffe refuses and the document allows', () => {
  // SPIFFE Trust Domain and Bundle §4.1.3: the domain has revoked every key. Refused, the old keys would stay in use. A bundle without
  // `keys` (spiffebundle_no_keys.json) is refused by both.
  const bundle = parseSpiffeBundle('{"spiffe_sequence":7,"keys":[]}', 'domain.test')
  assert.deepEqual([bundle.x509Authorities.length, bundle.sequence], [0, 7n])
})
