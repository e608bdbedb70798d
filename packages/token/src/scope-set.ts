/** A set that cannot be changed: freezing a Set would leave `add` working. */
export class ScopeSet implements ReadonlySet<string> {
  readonly #scopes: ReadonlySet<string>

  constructor(scopes: Iterable<string>) {
    this.#scopes = new Set(scopes)
    Object.freeze(this)
  }

  get size(): number {
    return this.#scopes.size
  }

  has(scope: string): boolean {
    return this.#scopes.has(scope)
  }

  forEach(callback: (value: string, key: string, set: ReadonlySet<string>) => void, thisArg?: unknown): void {
    for (const scope of this.#scopes) callback.call(thisArg, scope, scope, this)
  }

  entries(): SetIterator<[string, string]> {
    return this.#scopes.entries()
  }

  keys(): SetIterator<string> {
    return this.#scopes.keys()
  }

  values(): SetIterator<string> {
    return this.#scopes.values()
  }

  [Symbol.iterator](): SetIterator<string> {
    return this.#scopes[Symbol.iterator]()
  }

  toJSON(): readonly string[] {
    return [...this.#scopes]
  }
}
