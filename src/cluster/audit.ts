/**
 * Spot checks (Sarmenta 2002): a worker that computes something else, in valid ciphertexts, passes every check
 * of its answer. Units are functions of their job, so a second worker gives the same hashes, or one of the two lies. Each
 * answer is audited with the same probability, drawn when it has come: nobody knows before which. Of k false answers all
 * pass with probability (1 − fraction)^k.
 */
import { checkNumber } from '../base/checks.ts';
import type { Finding } from './task.ts';
import type { UnitDone } from './units.ts';

/** Thrown where answers that have been accepted turn out to be a liar's: what was made of them is to be made again. */
export class Spoiled extends Error {
  readonly places: readonly string[];

  constructor(places: readonly string[]) {
    super(`false answers to ${places.join(', ')}`);
    this.places = places;
  }
}

/** An answer that counts. */
interface Deed {
  readonly place: string;
  readonly worker: string;
  /** To be audited. */
  readonly drawn: boolean;
  verified: boolean;
  /** By an answer of the coordinator's own. */
  replaced: boolean;
}

export interface WorkRecord {
  readonly units: number;
  readonly audited: number;
}

/** Who gave which answers: one by one for the present step, in numbers for those before. */
export class Deeds {
  readonly #fraction: number;
  readonly #draw: () => number;
  readonly #present: Map<string, Deed> = new Map();
  readonly #earlier: Map<string, WorkRecord> = new Map();

  /**
   * @param draw uniform in [0, 1), and not to be foreseen
   * @throws RangeError unless the fraction is in 0 … 1
   */
  constructor(fraction: number, draw: () => number = secretDraw) {
    this.#fraction = checkNumber('audit', fraction, 0, 1);
    this.#draw = draw;
  }

  /**
   * Notes an answer, and draws whether it is to be audited: one that was drawn stays so until it is. `name`: the unit's, of its
   * place and job.
   */
  note(name: string, place: string, worker: string): boolean {
    const known = this.#present.get(name);
    const again = known?.worker === worker ? known : undefined;
    if (again?.verified) return false;
    const drawn = again?.drawn || this.#draw() < this.#fraction;
    this.#present.set(name, { place, worker, drawn, verified: false, replaced: false });
    return drawn;
  }

  /** These workers' answers to a unit are true. */
  verify(name: string, workers: readonly string[]): void {
    const deed = this.#present.get(name);
    if (deed !== undefined && workers.includes(deed.worker)) deed.verified = true;
  }

  /** What was answered to a unit counts no more. */
  replace(name: string): void {
    const deed = this.#present.get(name);
    if (deed !== undefined) deed.replaced = true;
  }

  /** Places of the present step whose answers are this worker's and unverified. */
  unverified(worker: string): string[] {
    const open = (deed: Deed): boolean => deed.worker === worker && !deed.verified && !deed.replaced;
    return [...this.#present.values()].filter(open).map(({ place }) => place);
  }

  earlier(worker: string): WorkRecord {
    return this.#earlier.get(worker) ?? { units: 0, audited: 0 };
  }

  /** The present step is safe. */
  endStep(): void {
    for (const { worker, verified, replaced } of this.#present.values()) {
      if (replaced) continue;
      const { units, audited } = this.earlier(worker);
      this.#earlier.set(worker, { units: units + 1, audited: audited + Number(verified) });
    }
    this.#present.clear();
  }
}

export interface Verdict {
  readonly right: readonly string[];
  readonly wrong: readonly string[];
}

/** The audit of one answer. */
export class Inspection {
  /** Those that have had the unit. */
  readonly asked: Set<string>;
  /** The coordinator cannot say it. */
  helpless = false;
  /** What they said, as text. */
  readonly #answers: Map<string, string> = new Map();

  constructor(worker: string, done: UnitDone) {
    this.asked = new Set([worker]);
    this.add(worker, done);
  }

  add(worker: string, done: UnitDone): void {
    this.#answers.set(worker, textOf(done));
  }

  get answers(): number {
    return this.#answers.size;
  }

  get disputed(): boolean {
    return new Set(this.#answers.values()).size > 1;
  }

  /** Who is right: those who say what `truth` says; without it, what two say and more than say anything else. */
  verdict(truth?: Finding): Verdict | undefined {
    if (truth === 'nobody') return { right: [], wrong: [...this.#answers.keys()] };
    const right = truth === undefined ? this.#commonest() : textOf(truth);
    if (right === undefined) return undefined;
    const workers = [...this.#answers.keys()];
    const agrees = (worker: string): boolean => this.#answers.get(worker) === right;
    return { right: workers.filter(agrees), wrong: workers.filter((worker) => !agrees(worker)) };
  }

  #commonest(): string | undefined {
    const counts = new Map<string, number>();
    for (const text of this.#answers.values()) counts.set(text, (counts.get(text) ?? 0) + 1);
    const [[text, most], next] = [...counts].toSorted(([, a], [, b]) => b - a);
    return most > 1 && most > (next?.[1] ?? 0) ? text : undefined;
  }
}

function textOf({ outputs }: UnitDone): string {
  return outputs.map(({ blob, level, scale }) => `${blob} ${level} ${scale}`).join('\n');
}

/** One of them, by chance. */
export function anyOf<T>(list: readonly T[]): T {
  return list[Math.floor(secretDraw() * list.length)];
}

function secretDraw(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0] / 2 ** 32;
}
