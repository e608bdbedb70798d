/** Remembers what may be used once: the `jti` of a proof, of an assertion, of a session on its way. */
export interface ReplayStore {
  /**
   * Claims an id for whoever asks first. An entry lives until `untilMs` and is never evicted before.
   * @param untilMs epoch milliseconds: from then on nobody would accept what bears the id.
   * @returns `first`: it is the caller's. `again`: it was claimed before. `full`: that cannot be told, since nothing more can be
   * remembered, or what was has been forgotten: the clock was set back. A promise only where the store is outside this process; one that rejects cannot tell either.
   */
  claim(id: string, untilMs: number): Claim | Promise<Claim>
}

export type Claim = 'first' | 'again' | 'full'
