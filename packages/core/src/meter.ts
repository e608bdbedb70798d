/** Where figures go. The shape of OpenTelemetry's Meter, so that one can be handed in as it is. */
export interface Meter {
  createCounter(name: string, options?: InstrumentOptions): Counter
  createHistogram(name: string, options?: InstrumentOptions): Histogram
  createGauge(name: string, options?: InstrumentOptions): Gauge
}

export interface InstrumentOptions {
  readonly description?: string
  /** UCUM, such as `s`. */
  readonly unit?: string
}

/** Values come from fixed sets: codes, modes, kinds. Never a name, an address or a path. */
export type Labels = Readonly<Record<string, string>>

export interface Counter {
  add(value: number, labels?: Labels): void
}
export interface Histogram {
  record(value: number, labels?: Labels): void
}
export interface Gauge {
  record(value: number, labels?: Labels): void
}
