import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CODES, catalogueEntry, MISUSE_CODES, OPERATION_CODES } from '@countersign/core'
import { ELSEWHERE } from '../conformance/elsewhere.js'
import { assertedIn, mentionsIn, proves, readErrorPage, rowOf, rowsWithoutSection } from './error-codes.js'
import { readPackages, readSources, readText } from './source-tree.js'

const ALL = new Set<string>([...CODES, ...MISUSE_CODES, ...OPERATION_CODES])

/** Files that define the codes: to stand there is not to be used. */
const TABLES = new Set(['packages/core/src/catalogue.ts', 'packages/core/src/errors.ts'])

/** Codes of Node and OpenSSL, which sources may compare with or imitate. None of ours begins so. */
const FOREIGN = /^ERR_(?:OSSL|TLS|HTTP|HTTP2|STREAM|SOCKET|INVALID|CRYPTO|PARSE_ARGS)_/

const mentions = readPackages()
  .flatMap(({ sources }) => sources)
  .filter(({ path }) => !TABLES.has(path))
  .flatMap(mentionsIn)

test('the sources use no code that the table does not have', () => {
  const unknown = mentions.filter(({ code }) => !ALL.has(code) && !FOREIGN.test(code))
  assert.deepEqual(
    unknown.map(({ code, path, line }) => `${path}:${line}: ${code}`),
    [],
  )
})

test('the table has no code that the sources do not use', () => {
  const used = new Set(mentions.map(({ code }) => code))
  for (const code of CODES) if (used.has(code)) used.add(catalogueEntry(code).publicCode)
  assert.deepEqual(
    [...ALL].filter((code) => !used.has(code)),
    [],
  )
  assert.deepEqual(
    [...ALL].filter((code) => FOREIGN.test(code)),
    [],
  )
})

test('docs/errors.md has every code once, in the order of the table, with what the table says of it', () => {
  const page = readText('docs/errors.md')
  const documented = readErrorPage(page)
  assert.deepEqual(
    documented.map(({ code }) => code),
    [...CODES, ...MISUSE_CODES, ...OPERATION_CODES],
  )
  assert.deepEqual(rowsWithoutSection(page), [])
  for (const code of CODES) {
    const { row, text } = documented.find((one) => one.code === code) ?? assert.fail(code)
    assert.deepEqual(row, rowOf(code, catalogueEntry(code)))
    assert.match(text, /^.{40,}\n\n\* \*\*Caller:\*\* .{10,}\n\* \*\*Operator:\*\* .{10,}$/, `${code} says what happened and what to do`)
  }
  for (const code of MISUSE_CODES) {
    const { row, text } = documented.find((one) => one.code === code) ?? assert.fail(code)
    assert.equal(row, null)
    assert.match(text, /^.{40,}\n\n```(?:ts|sh)\n.+\n```$/, `${code} says what is wrong and the line that mends it`)
  }
  for (const code of OPERATION_CODES) {
    const { row, text } = documented.find((one) => one.code === code) ?? assert.fail(code)
    assert.equal(row, null)
    assert.match(
      text,
      /^.{40,}\n\n(?:\* \*\*Caller:\*\* .{10,}\n)?\* \*\*Operator:\*\* .{10,}$/,
      `${code} says what happened and what to do`,
    )
  }
})

test('every public code is a code of its own, with the status that its own row has', () => {
  for (const code of CODES) {
    const { publicCode, status } = catalogueEntry(code)
    const sent = catalogueEntry(CODES.find((one) => one === publicCode) ?? assert.fail(`${code} is sent as ${publicCode}`))
    assert.equal(sent.publicCode, publicCode, `${code} is sent as a code that is itself hidden`)
    assert.equal(sent.status, status)
  }
})

test('every code is reached: by a row of the conformance table, or by a test that is named', () => {
  const rows = readSources('test/conformance').filter(({ path }) => !path.endsWith('/elsewhere.ts'))
  const asserted = new Set(rows.flatMap((file) => [...assertedIn(file)]))
  for (const code of CODES) if (asserted.has(code) || code in ELSEWHERE) asserted.add(catalogueEntry(code).publicCode)
  const unreached = [...ALL].filter((code) => !asserted.has(code) && !(code in ELSEWHERE))
  assert.deepEqual(unreached, [])
  assert.deepEqual(
    [...asserted, ...Object.keys(ELSEWHERE)].filter((code) => !ALL.has(code)),
    [],
  )
  for (const [code, { file, test: name }] of Object.entries(ELSEWHERE)) {
    const proof = proves({ path: file, text: readText(file) }, name, code)
    assert.ok(proof !== null, `${file} has no test "${name}", which is to reach ${code}`)
    assert.ok(proof, `the test "${name}" of ${file} does not mention ${code}`)
  }
})

test('finds codes in a source and asserted codes in a table', () => {
  const file = (text: string) => ({ path: 'x.ts', text })
  assert.deepEqual(mentionsIn(file(`refuse('ERR_A')\n// ERR_B\nconst t = "not ERR_C alone"`)), [{ code: 'ERR_A', path: 'x.ts', line: 1 }])
  assert.deepEqual(
    [...assertedIn(file(`const row = { send: 'ERR_A', code: 'ERR_B' }, other = { code: x ? 'ERR_C' : null }`))],
    ['ERR_B', 'ERR_C'],
  )
})

test('finds the test that proves a code, and tells when it does not', () => {
  const file = {
    path: 'x.ts',
    text: `test('refuses a', () => { assert.throws(x, { code: 'ERR_A' }) })
      it('throws b', () => assert.throws(x, /ERR_B:/))
      const CASES = [{ name: 'row c', code: 'ERR_C' }, ['row d', 'ERR_D']]
      log('said e', 'ERR_E')`,
  }
  for (const [name, code] of [
    ['refuses a', 'ERR_A'],
    ['throws b', 'ERR_B'],
    ['row c', 'ERR_C'],
    ['row d', 'ERR_D'],
  ] as const)
    assert.equal(proves(file, name, code), true)
  assert.equal(proves(file, 'refuses a', 'ERR_B'), false)
  assert.equal(proves(file, 'row c', 'ERR_D'), false)
  assert.equal(proves(file, 'said e', 'ERR_E'), null)
  assert.equal(proves(file, 'refuses f', 'ERR_A'), null)
})

test('finds a row that is wrong and a row without a section', () => {
  const page =
    '| code |\n| --- |\n| [`ERR_A`](#err_a) | – | 403 |\n| [`ERR_B`](#err_b) | – | 403 |\n\n### ERR_A\n\nwords\n\n## Next\n\nnot of A\n\n### ERR_C\n\nthrown\n'
  assert.deepEqual(readErrorPage(page), [
    { code: 'ERR_A', row: ['[`ERR_A`](#err_a)', '–', '403'], text: 'words' },
    { code: 'ERR_C', row: null, text: 'thrown' },
  ])
  assert.deepEqual(rowsWithoutSection(page), ['ERR_B'])
  assert.deepEqual(rowOf('ERR_PEER_PIN_MISMATCH', catalogueEntry('ERR_PEER_PIN_MISMATCH')).slice(0, 3), [
    '[`ERR_PEER_PIN_MISMATCH`](#err_peer_pin_mismatch)',
    '`ERR_PEER_UNTRUSTED`',
    '403',
  ])
})
