import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { MisuseError } from '@countersign/core'

/** One field of an options interface: what it does not take, and what it changes. */
export interface OptionRow {
  /** Each must be refused, naming this field or something in it. */
  readonly refused: readonly unknown[]
  /** Behaviour that was observed with one setting and with another. */
  readonly effect: Effect
}

export type Effect = (t: TestContext) => Promise<readonly [observed: Observed, observedOtherwise: Observed]>

/** What was seen, and what should have been. */
export type Observed = readonly [seen: unknown, expected: unknown]

/** A row for every field of an options interface, and none beside: a new field without a row does not compile. */
export type RowsOf<Options> = { readonly [Field in keyof Required<Options>]: OptionRow }

/**
 * Tests one options interface, field by field.
 * @param path of the options, `''` for the guard's and the server's own.
 * @param title of the tests, where the path does not say which options they are.
 * @param create makes what takes the options, of one field and its value in good company.
 */
export function testOptions(
  path: string,
  rows: Readonly<Record<string, OptionRow>>,
  create: (field: string, value: unknown) => unknown,
  title = path,
): void {
  test(`${title}: the options that are checked are those that are tested`, () => {
    let message = ''
    assert.throws(
      () => create('zzzz', 1),
      (error) => {
        if (error instanceof MisuseError && error.code === 'ERR_OPTION_UNKNOWN') message = error.message
        return message !== ''
      },
    )
    const [, listed = ''] = /; it takes ([A-Za-z0-9, ]+)/.exec(message) ?? []
    assert.deepEqual(listed.trim().split(', ').toSorted(), Object.keys(rows).toSorted(), message)
  })

  for (const [field, { refused, effect }] of Object.entries(rows)) {
    const option = path === '' ? field : `${path}.${field}`
    const name = path === title ? option : `${title}: ${field}`
    test(`${name}: what it does not take is refused by its name`, () => {
      assert.ok(refused.length > 0)
      for (const value of refused) {
        assert.throws(
          () => create(field, value),
          (error) => {
            assert.ok(error instanceof MisuseError, `${JSON.stringify(value)}: ${error}`)
            assert.match(
              error.option,
              new RegExp(`^${option.replaceAll(/[.[\]]/g, '\\$&')}(?:$|[.[])`),
              `${JSON.stringify(value)}: ${error.message}`,
            )
            return true
          },
          `${option} takes ${JSON.stringify(value)}`,
        )
      }
    })

    test(`${name}: another setting is another behaviour`, async (t) => {
      const [one, other] = await effect(t)
      assert.deepEqual(one[0], one[1])
      assert.deepEqual(other[0], other[1])
      assert.notDeepEqual(one[0], other[0])
    })
  }
}
