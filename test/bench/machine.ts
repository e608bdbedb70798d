import { availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os'

/** What the figures were taken on: the same code gives others elsewhere. */
export function machine(): string {
  const model = cpus()[0]?.model.trim() ?? 'unknown CPU'
  const load = loadavg()[0]?.toFixed(2) ?? '?'
  const memory = (totalmem() / 2 ** 30).toFixed(0)
  return `${model}, ${availableParallelism()} cores, ${memory} GiB · ${type()} ${release()} · Node ${process.version}, OpenSSL ${process.versions.openssl} · load ${load} at the start`
}
