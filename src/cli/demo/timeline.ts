/** Keeps the time of everything that happens in a demonstration. */

import type { Phase } from '../report/report.ts';

export class Timeline {
  readonly #began: number = performance.now();
  readonly #phases: Phase[] = [];

  /** Seconds since the beginning. */
  get seconds(): number {
    return (performance.now() - this.#began) / 1000;
  }

  get phases(): readonly Phase[] {
    return this.#phases;
  }

  /** Does `work` and writes down who did it, when, and how long it took. */
  async phase<T>(actor: string, name: string, work: () => T | Promise<T>): Promise<T> {
    const start = this.seconds;
    const result = await work();
    this.#phases.push({ name, actor, start, seconds: this.seconds - start });
    return result;
  }

  /** Writes down what another process did. */
  add(actor: string, name: string, start: number, seconds: number): void {
    this.#phases.push({ name, actor, start, seconds: Math.max(0, seconds) });
  }

  /** Seconds that the last phase took. */
  get lastSeconds(): number {
    return this.#phases.at(-1)?.seconds ?? 0;
  }
}
