import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CODES, catalogueEntry, MISUSE_CODES } from '@countersign/core'
import { ADAPTERS } from './adapters.js'
import { ELSEWHERE } from './elsewhere.js'
import { REACHED } from './reached.js'
import { type Denied, type Expected, isGranted, type Row } from './row.js'
import { TRANSPORTS } from './servers.js'
import { cellNotApplicable, rowNotApplicable, TABLE } from './table.js'

const denials = TABLE.flatMap(({ expected, clear }) => [expected, ...(clear === 'the same' ? [] : [clear])]).filter(isDenied)

test('the table is no smaller than it was', () => {
  assert.ok(TABLE.length >= 230, `${TABLE.length} rows`)
  assert.ok(TABLE.filter(({ expected }) => isGranted(expected)).length >= 50, 'rows that are let through')
})

test('every row has a name of its own, and says what it claims', () => {
  assert.equal(new Set(TABLE.map(({ id }) => id)).size, TABLE.length)
  for (const { id, claim, requirements } of TABLE) {
    assert.match(claim, /^[a-z].{10,}/, id)
    assert.ok(requirements.length > 0, id)
  }
})

test('the table reaches every code that can be sent or written down for a request, and none that is said to be elsewhere', () => {
  assert.deepEqual(
    CODES.filter((code) => !REACHED.has(code) && !(code in ELSEWHERE)),
    [],
  )
  assert.deepEqual(
    Object.keys(ELSEWHERE).filter((code) => REACHED.has(code as (typeof CODES)[number])),
    [],
  )
  assert.deepEqual(
    MISUSE_CODES.filter((code) => !(code in ELSEWHERE)),
    [],
  )
})

test('what the table expects is what the catalogue says', () => {
  for (const { code, sent = code, status, challenge } of denials) {
    assert.equal(catalogueEntry(code).publicCode, sent, code)
    assert.equal(catalogueEntry(code).status, status, code)
    const { challenge: error, stage } = catalogueEntry(sent)
    assert.equal(challenge === undefined, error === null, code)
    // Said under the schemes that know it: under the one that was used, or under all of them.
    const said = [...(challenge ?? '').matchAll(/error="(\w+)"/g)].map(([, word]) => word)
    assert.ok(
      said.every((word) => word === error),
      code,
    )
    assert.equal(said.length === 0, error === null || error === '' || challenge?.startsWith('WPT') === true, code)
    if (stage === 'api-key' && challenge !== undefined) assert.match(challenge, /(?:^|, )ApiKey realm="countersign"/, code)
  }
})

test('no code of the catalogue that hides behind another is ever sent', () => {
  const hidden = CODES.filter((code) => catalogueEntry(code).publicCode !== code)
  assert.ok(hidden.length >= 8)
  for (const { code, sent = code } of denials) assert.ok(!hidden.includes(sent), `${sent} is sent`)
})

test('every row runs somewhere over TLS, and in most cells', () => {
  for (const row of TABLE) {
    // Some releases of Node have faults of their own.
    const notApplicable = (row.notApplicable ?? []).filter(({ node }) => node === undefined)
    const cells = cellsOf({ ...row, notApplicable })
    assert.ok(
      cells.some(({ transport }) => transport === 'https' || transport === 'secure-https'),
      `${row.id} is never run over TLS`,
    )
    assert.ok(cells.length >= 12, `${row.id} is run in ${cells.length} cells only`)
  }
})

test('whatever is not applicable says why', () => {
  for (const { id, notApplicable = [] } of TABLE) for (const { reason } of notApplicable) assert.match(reason, /.{20,}/, id)
  for (const adapter of ADAPTERS)
    for (const transport of TRANSPORTS) assert.match(cellNotApplicable(adapter, transport) ?? 'it is run as it should be', /.{20,}/)
})

function cellsOf(row: Row) {
  return ADAPTERS.flatMap((adapter) =>
    TRANSPORTS.filter(
      (transport) => cellNotApplicable(adapter, transport) === null && rowNotApplicable(row, adapter, transport) === null,
    ).map((transport) => ({ adapter, transport })),
  )
}

function isDenied(expected: Expected): expected is Denied {
  return !isGranted(expected)
}
