import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMeter, PROMETHEUS_CONTENT_TYPE } from '@countersign/audit'
import fc from 'fast-check'

/** Reads text format 0.0.4 as its specification says, and fails on anything else. */
function parseExposition(text: string): Map<string, number> {
  const samples = new Map<string, number>()
  const types = new Map<string, string>()
  assert.ok(text === '' || text.endsWith('\n'))
  for (const line of text.split('\n').slice(0, -1)) {
    if (line.startsWith('#')) {
      const [, keyword, name = '', rest = ''] = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.*)$/.exec(line) ?? assert.fail(line)
      if (keyword === 'HELP') assert.doesNotMatch(rest.replaceAll('\\\\', '').replaceAll('\\n', ''), /\\/)
      if (keyword !== 'TYPE') continue
      assert.match(rest, /^(counter|gauge|histogram)$/)
      assert.ok(!types.has(name), `two types of ${name}`)
      types.set(name, rest)
      continue
    }
    const [, name = '', labels = '', value = ''] = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/.exec(line) ?? assert.fail(line)
    assert.match(labels, /^(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*"(?:,(?!$)|$))*$/)
    assert.ok(
      [name, name.replace(/_(?:bucket|sum|count)$/, '')].some((known) => types.has(known)),
      `no type of ${name}`,
    )
    const key = `${name}{${labels}}`
    assert.ok(!samples.has(key), `two samples of ${key}`)
    samples.set(key, value === '+Inf' ? Number.POSITIVE_INFINITY : Number(value))
  }
  return samples
}

test('a counter counts each set of labels, in whatever order they stand', () => {
  const meter = createMeter()
  const counter = meter.createCounter('requests_total', { description: 'All of "them"\\\nand more' })
  counter.add(1, { code: 'a', mode: 'x' })
  counter.add(2, { mode: 'x', code: 'a' })
  counter.add(1)
  assert.equal(
    meter.toPrometheus(),
    '# HELP requests_total All of "them"\\\\\\nand more\n# TYPE requests_total counter\nrequests_total{code="a",mode="x"} 3\nrequests_total 1\n',
  )
})

test('a counter never falls and is never spoiled', () => {
  const meter = createMeter()
  const counter = meter.createCounter('c')
  counter.add(5)
  for (const value of [-1, Number.NaN, Number.POSITIVE_INFINITY]) counter.add(value)
  assert.equal(parseExposition(meter.toPrometheus()).get('c{}'), 5)
})

test('a gauge holds the last value, and falls', () => {
  const meter = createMeter()
  const gauge = meter.createGauge('g')
  for (const value of [5, 7, 2]) gauge.record(value, { kind: 'a' })
  assert.equal(parseExposition(meter.toPrometheus()).get('g{kind="a"}'), 2)
})

test('a histogram of seconds tells a microsecond from a millisecond, and adds up', () => {
  const meter = createMeter()
  const histogram = meter.createHistogram('latency_seconds', { unit: 's' })
  for (const value of [0.000_003, 0.000_005, 0.002, 60, Number.NaN, Number.POSITIVE_INFINITY])
    histogram.record(value, { operation: 'warm' })
  const samples = parseExposition(meter.toPrometheus())
  const bucket = (le: string): number | undefined => samples.get(`latency_seconds_bucket{operation="warm",le="${le}"}`)
  assert.deepEqual(
    [bucket('0.0000025'), bucket('0.000005'), bucket('0.001'), bucket('0.0025'), bucket('10'), bucket('+Inf')],
    [0, 2, 2, 3, 3, 4],
  )
  assert.equal(samples.get('latency_seconds_count{operation="warm"}'), 4)
  assert.equal(samples.get('latency_seconds_sum{operation="warm"}'), 0.000_003 + 0.000_005 + 0.002 + 60)
})

test('the buckets of a histogram grow, end in +Inf and agree with its count, whatever is recorded', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 20, noNaN: true })), (values) => {
      const meter = createMeter()
      const histogram = meter.createHistogram('h')
      histogram.record(0)
      for (const value of values) histogram.record(value)
      const buckets = [...parseExposition(meter.toPrometheus())].filter(([key]) => key.startsWith('h_bucket'))
      let former = 0
      for (const [key, count] of buckets) {
        const bound = /le="(.*)"/.exec(key)?.[1] ?? ''
        const limit = bound === '+Inf' ? Number.POSITIVE_INFINITY : Number(bound)
        assert.equal(count, 1 + values.filter((value) => value <= limit).length)
        assert.ok(count >= former)
        former = count
      }
      assert.match(buckets.at(-1)?.[0] ?? '', /\+Inf/)
    }),
  )
})

test('a label value is escaped, and no text makes another sample or an exposition that cannot be read', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), fc.string(), (value, name) => {
      const meter = createMeter()
      meter.createCounter('c').add(1, { label: value })
      meter.createCounter('c').add(1, { [name]: 'x' })
      const samples = parseExposition(meter.toPrometheus())
      assert.equal(
        [...samples.values()].reduce((sum, count) => sum + count, 0),
        2,
      )
    }),
  )
  const meter = createMeter()
  meter.createCounter('c').add(1, { label: 'a"b\\c\nd' })
  assert.equal(meter.toPrometheus(), '# TYPE c counter\nc{label="a\\"b\\\\c\\nd"} 1\n')
})

test('random label values are bounded: what is beyond counts together, and no count is lost', () => {
  const meter = createMeter()
  const counter = meter.createCounter('c')
  for (let index = 0; index < 100_000; index++) counter.add(1, { id: String(index) })
  counter.add(1, { id: '5' })
  const samples = parseExposition(meter.toPrometheus())
  assert.equal(samples.size, 1001)
  assert.equal(samples.get('c{overflow="true"}'), 99_000)
  assert.equal(samples.get('c{id="5"}'), 2)
})

test('labels that are frozen count the same as others, and those that change as what they are', () => {
  const meter = createMeter()
  const counter = meter.createCounter('c')
  const frozen = Object.freeze({ code: 'a' })
  counter.add(1, frozen)
  counter.add(1, frozen)
  const changing = { code: 'a' }
  counter.add(1, changing)
  changing.code = 'b'
  counter.add(1, changing)
  const samples = parseExposition(meter.toPrometheus())
  assert.deepEqual([samples.get('c{code="a"}'), samples.get('c{code="b"}')], [3, 1])
})

test('a histogram keeps its own label to itself', () => {
  const meter = createMeter()
  meter.createHistogram('h').record(1, { le: '5' })
  assert.equal(parseExposition(meter.toPrometheus()).get('h_count{overflow="true"}'), 1)
})

test('parts that ask for the same instrument share it, and another kind of it is refused', () => {
  const meter = createMeter()
  meter.createCounter('c').add(1)
  meter.createCounter('c').add(1)
  assert.equal(parseExposition(meter.toPrometheus()).get('c{}'), 2)
  assert.throws(() => meter.createGauge('c'), { code: 'ERR_OPTION_CONTRADICTION' })
})

test('the name of an instrument is one of Prometheus, dots of OpenTelemetry aside', () => {
  const meter = createMeter()
  meter.createCounter('countersign.auth.decisions').add(1)
  assert.match(meter.toPrometheus(), /^countersign_auth_decisions 1$/m)
  for (const name of ['', '1c', 'a b', 'a-b', 'é', 'a\nb', 'a{b="c"}'])
    assert.throws(() => meter.createCounter(name), { code: 'ERR_OPTION_INVALID' }, name)
})

test('two meters know nothing of each other', () => {
  const [one, other] = [createMeter(), createMeter()]
  one.createCounter('c').add(1)
  other.createGauge('c').record(7)
  assert.deepEqual([parseExposition(one.toPrometheus()).get('c{}'), parseExposition(other.toPrometheus()).get('c{}')], [1, 7])
  assert.equal(createMeter().toPrometheus(), '')
  assert.equal(PROMETHEUS_CONTENT_TYPE, 'text/plain; version=0.0.4; charset=utf-8')
})
