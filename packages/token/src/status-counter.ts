import { CODES, type Labels, type Meter } from '@countersign/core'

/** Counts what became of tokens. The labels are of a fixed set: no caller can make another. */
export function createStatusCounter(meter: Meter): (status: string) => void {
  const counter = meter.createCounter('jwt_token_verifications_total', {
    description: 'Bearer tokens judged, by what became of them: ok, or the code of the refusal',
  })
  const labels = new Map<string, Labels>(['ok', ...CODES].map((status) => [status, Object.freeze({ status })]))
  return (status) => {
    try {
      counter.add(1, labels.get(status))
    } catch {
      // A sink that throws must not decide whether a caller gets in.
    }
  }
}
