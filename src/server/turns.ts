/** Work that must not all be done at once. */
import { HermeticError } from '../base/errors.ts';
import { HttpProblem } from './error-response.ts';

/** Lets `limit` through at once; others wait, but no more than `waiting`. */
export class Turns {
  readonly #limit: number;
  readonly #waiting: number;
  readonly #queue: (() => void)[] = [];
  #busy = 0;

  constructor(limit: number, waiting: number) {
    this.#limit = limit;
    this.#waiting = waiting;
  }

  /** @throws HttpProblem 503 where too many wait */
  async take<T>(work: () => Promise<T>): Promise<T> {
    if (this.#busy >= this.#limit) {
      if (this.#queue.length >= this.#waiting) throw new HttpProblem(503, tooBusy());
      await new Promise<void>((go) => this.#queue.push(go));
    } else {
      this.#busy++;
    }
    try {
      return await work();
    } finally {
      // Whoever waited longest takes over the place.
      const next = this.#queue.shift();
      if (next === undefined) this.#busy--;
      else next();
    }
  }
}

/** One thing after another for each name. */
export class Sequence {
  readonly #last = new Map<string, Promise<unknown>>();

  async of<T>(name: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(name) ?? Promise.resolve();
    const mine = before.then(work, work);
    const settled = mine.catch(() => {});
    this.#last.set(name, settled);
    try {
      return await mine;
    } finally {
      if (this.#last.get(name) === settled) this.#last.delete(name);
    }
  }
}

/** The same question asked again while it is being answered gets the same answer: slow work is not done twice. */
export class Flights {
  readonly #flying = new Map<string, Promise<unknown>>();

  share<T>(name: string, work: () => Promise<T>): Promise<T> {
    const flying = this.#flying.get(name) as Promise<T> | undefined;
    if (flying !== undefined) return flying;
    const flight = work().finally(() => this.#flying.delete(name));
    this.#flying.set(name, flight);
    return flight;
  }
}

function tooBusy(): HermeticError {
  return new HermeticError('REFRESH_FAILED', 'too many requests at once', { mend: 'Send it again in a moment.' });
}
