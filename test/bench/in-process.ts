import type { IncomingMessage } from 'node:http'
import type { Decision } from '@countersign/core'
import type { Guard } from '@countersign/guard'
import { inboundFrom } from '@countersign/node'
import { signatureChecks } from './crypto-count.js'
import { median, quantile } from './statistics.js'

/** One way a request may go through a guard. */
export interface Case {
  readonly name: string
  readonly guard: Guard
  /** Decisions timed together: few where each takes long. */
  readonly batch: number
  request(): IncomingMessage
  /** The code that is answered; `null`: allowed. */
  readonly expected: string | null
}

export interface CaseTimes {
  readonly name: string
  /** A decision, by batch. Nanoseconds. */
  readonly batches: readonly number[]
  readonly nanos: number
  /** First and last decile of the batches. */
  readonly spread: readonly [number, number]
  /** Signature checks, of tokens and certificates, a decision. */
  readonly checks: number
}

/** Times cases, each batch in its turn: what stands in one line of the results was measured under the same load. */
export class CaseRunner {
  readonly #case: Case
  readonly #nanos: number[] = []
  #checks = 0

  constructor(given: Case) {
    this.#case = given
  }

  async warmUp(batches: number): Promise<void> {
    for (let batch = 0; batch < batches; batch++) await this.#run()
  }

  async measure(): Promise<void> {
    const before = signatureChecks()
    this.#nanos.push(await this.#run())
    this.#checks += signatureChecks() - before
  }

  times(): CaseTimes {
    const decisions = this.#nanos.length * this.#case.batch
    return {
      name: this.#case.name,
      batches: this.#nanos,
      nanos: median(this.#nanos),
      spread: [quantile(this.#nanos, 0.1), quantile(this.#nanos, 0.9)],
      checks: this.#checks / decisions,
    }
  }

  async #run(): Promise<number> {
    const { guard, batch, expected } = this.#case
    const requests = Array.from({ length: batch }, () => this.#case.request())
    const decisions: Decision[] = []
    const start = process.hrtime.bigint()
    for (const req of requests) {
      const decision = guard.decide(inboundFrom(req, req.url ?? ''))
      decisions.push('then' in decision ? await decision : decision)
    }
    const nanos = Number(process.hrtime.bigint() - start) / batch
    for (const decision of decisions) {
      const code = decision.allowed ? null : decision.code
      if (code !== expected) throw new Error(`${this.#case.name}: ${code ?? 'allowed'} instead of ${expected ?? 'allowed'}`)
    }
    return nanos
  }
}
