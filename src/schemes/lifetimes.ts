/**
 * Who is alive: every ciphertext that a scheme makes is registered here, freed by its scope or by hand, and may not be
 * used afterwards. Tests read `live` to prove that a training loop leaks nothing.
 */

export class Lifetimes<C extends object> {
  readonly #alive: Set<C> = new Set<C>();
  readonly #scopes: C[][] = [];
  readonly #freed: (ciphertext: C) => void;

  /** @param freed called once for each ciphertext that is given up */
  constructor(freed: (ciphertext: C) => void = () => {}) {
    this.#freed = freed;
  }

  /** Ciphertexts made and not yet freed. */
  get live(): number {
    return this.#alive.size;
  }

  /** Registers a new ciphertext with the innermost scope. Returns it. */
  register(ciphertext: C): C {
    this.#alive.add(ciphertext);
    this.#scopes.at(-1)?.push(ciphertext);
    return ciphertext;
  }

  /** RangeError for a ciphertext that was freed, or that another evaluator made. */
  check(ciphertext: C): C {
    if (!this.#alive.has(ciphertext)) throw new RangeError('this ciphertext was disposed, or is not of this evaluator');
    return ciphertext;
  }

  dispose(ciphertexts: readonly C[]): void {
    for (const ciphertext of ciphertexts) if (this.#alive.delete(ciphertext)) this.#freed(ciphertext);
  }

  /** Frees what `compute` made, save what its result reaches; that belongs to the enclosing scope from then on. */
  scope<T>(compute: () => T): T {
    const made: C[] = [];
    this.#scopes.push(made);
    let kept = new Set<unknown>();
    try {
      const result = compute();
      kept = reachable(result);
      return result;
    } finally {
      this.#scopes.pop();
      const outer = this.#scopes.at(-1);
      for (const ciphertext of made) {
        if (!kept.has(ciphertext)) this.dispose([ciphertext]);
        else outer?.push(ciphertext);
      }
    }
  }
}

/** Everything in `value`, through arrays and plain objects. */
function reachable(value: unknown, found: Set<unknown> = new Set()): Set<unknown> {
  if (value === null || typeof value !== 'object' || ArrayBuffer.isView(value) || found.has(value)) return found;
  found.add(value);
  if (Array.isArray(value)) for (const item of value) reachable(item, found);
  else if (Object.getPrototypeOf(value) === Object.prototype) {
    for (const item of Object.values(value)) reachable(item, found);
  }
  return found;
}
