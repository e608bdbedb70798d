/** How long ago something was. A clock that was set back makes things old, not young: they are asked for again. */
export function elapsed(sinceMs: number, nowMs: number): number {
  return Math.abs(nowMs - sinceMs)
}
