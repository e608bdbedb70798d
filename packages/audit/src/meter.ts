import { type Counter, type Gauge, type Histogram, type InstrumentOptions, type Meter, MisuseError } from '@countersign/core'
import { createSeriesMap } from './label-set.js'

/** A meter whose figures Prometheus can read. */
export interface PrometheusMeter extends Meter {
  /** All figures in the text format 0.0.4, to be sent as {@link PROMETHEUS_CONTENT_TYPE}. */
  toPrometheus(): string
}

/** @see https://prometheus.io/docs/instrumenting/exposition_formats/ */
export const PROMETHEUS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/** Seconds: from what a warm decision takes to what a caller waits for. */
const BOUNDS_SECONDS = [
  0.000_002_5, 0.000_005, 0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
  0.5, 1, 2.5, 5, 10,
]
const NAME = /^[A-Za-z_:][A-Za-z0-9_:.]*$/

interface Instrument {
  readonly kind: 'counter' | 'gauge' | 'histogram'
  readonly description: string
  /** Its lines of the text format. */
  samples(name: string): string[]
}

/**
 * Makes a meter that keeps its figures in memory: nothing is shared between two of them. Each instrument has at most 1,000 series; what is
 * beyond counts under `{overflow="true"}`. Recording never throws: a value that no series can take is left out.
 * @example
 * const meter = createMeter()
 * const guard = createGuard({ mtls, jwt: null, authorize, meter })
 * app.get('/metrics', (_, res) => res.type(PROMETHEUS_CONTENT_TYPE).send(meter.toPrometheus()))
 */
export function createMeter(): PrometheusMeter {
  const instruments = new Map<string, Instrument>()

  function create<T extends Instrument>(kind: T['kind'], name: string, make: () => T): T {
    if (!NAME.test(name))
      throw new MisuseError(
        'ERR_OPTION_INVALID',
        'name',
        'takes letters, digits, _, : and . for the name of an instrument, and no digit first',
      )
    const key = name.replaceAll('.', '_')
    const known = instruments.get(key)
    if (known !== undefined && known.kind !== kind)
      throw new MisuseError('ERR_OPTION_CONTRADICTION', 'name', `${key} is a ${known.kind} already`)
    const instrument = (known as T | undefined) ?? make()
    instruments.set(key, instrument)
    return instrument
  }

  return {
    createCounter: (name, options) => create('counter', name, () => createCounter(options)),
    createGauge: (name, options) => create('gauge', name, () => createGauge(options)),
    createHistogram: (name, options) => create('histogram', name, () => createHistogram(options)),
    toPrometheus: () => [...instruments].flatMap(([name, instrument]) => linesOf(name, instrument)).join(''),
  }
}

function linesOf(name: string, { kind, description, samples }: Instrument): string[] {
  const help = description === '' ? [] : [`# HELP ${name} ${description.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}\n`]
  return [...help, `# TYPE ${name} ${kind}\n`, ...samples(name)]
}

function createCounter({ description = '' }: InstrumentOptions = {}): Instrument & Counter & { readonly kind: 'counter' } {
  const series = createSeriesMap(() => ({ value: 0 }), null)
  return {
    kind: 'counter',
    description,
    // A counter only grows, and one NaN would stay for good.
    add(value, labels) {
      if (value >= 0 && value !== Number.POSITIVE_INFINITY) series.of(labels).value += value
    },
    samples: (name) => Array.from(series.entries(), ([labels, { value }]) => sample(name, labels, value)),
  }
}

function createGauge({ description = '' }: InstrumentOptions = {}): Instrument & Gauge & { readonly kind: 'gauge' } {
  const series = createSeriesMap(() => ({ value: 0 }), null)
  return {
    kind: 'gauge',
    description,
    record(value, labels) {
      if (typeof value === 'number') series.of(labels).value = value
    },
    samples: (name) => Array.from(series.entries(), ([labels, { value }]) => sample(name, labels, value)),
  }
}

function createHistogram({ description = '', unit }: InstrumentOptions = {}): Instrument & Histogram & { readonly kind: 'histogram' } {
  const bounds = unit === 'ms' ? BOUNDS_SECONDS.map((bound) => Number((bound * 1000).toPrecision(6))) : BOUNDS_SECONDS
  const series = createSeriesMap(() => ({ counts: new Array<number>(bounds.length + 1).fill(0), sum: 0 }), 'le')

  function samplesOf(
    name: string,
    labels: string,
    { counts, sum }: { readonly counts: readonly number[]; readonly sum: number },
  ): string[] {
    let total = 0
    const buckets = counts.map((count, index) => {
      total += count
      const le = `le="${bounds[index] ?? '+Inf'}"`
      return sample(`${name}_bucket`, labels === '' ? le : `${labels},${le}`, total)
    })
    return [...buckets, sample(`${name}_sum`, labels, sum), sample(`${name}_count`, labels, total)]
  }

  return {
    kind: 'histogram',
    description,
    record(value, labels) {
      if (!Number.isFinite(value)) return
      const one = series.of(labels)
      let bucket = 0
      while (bucket < bounds.length && value > (bounds[bucket] ?? 0)) bucket++
      one.counts[bucket] = (one.counts[bucket] ?? 0) + 1
      one.sum += value
    },
    samples: (name) => Array.from(series.entries()).flatMap(([labels, one]) => samplesOf(name, labels, one)),
  }
}

function sample(name: string, labels: string, value: number): string {
  return `${name}${labels === '' ? '' : `{${labels}}`} ${textOf(value)}\n`
}

function textOf(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf'
  return value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value)
}
