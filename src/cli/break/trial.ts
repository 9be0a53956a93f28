/** An attack tried on a system, and what is claimed of it: it opens the unsafe fixture and fails on the product. */

export interface Trial {
  readonly against: 'unsafe' | 'product';
  /** What the attacker was answered: "raw slots". */
  readonly name: string;
  /** The guess is the secret key, as the attacker verifies by the public key. */
  readonly opened: boolean;
  /** Share of the key's coefficients that the guess has right. */
  readonly right: number;
  /** The share that is right by always guessing the likeliest value. */
  readonly chance: number;
  readonly calls: number;
  readonly seconds: number;
  readonly asClaimed: boolean;
  /** In a few words, where there is more to say than the share of a key: "200 of 200 keys". */
  readonly outcome?: string;
  /** What came out, in sentences. */
  readonly facts: readonly string[];
}

export interface GuessScore {
  readonly right: number;
  readonly chance: number;
  /** No more is right than chance gives but once in millions of keys. */
  readonly atChance: boolean;
}

/** Standard deviations that chance is granted. */
const DEVIATIONS = 5;

/** Two arrays of coefficients −1, 0, 1. */
export function scoreGuess(secret: Int8Array, guess: Int8Array): GuessScore {
  const counts = [-1, 0, 1].map((value) => secret.reduce((sum, s) => sum + Number(s === value), 0));
  const chance = Math.max(...counts) / secret.length;
  const right = secret.reduce((sum, s, i) => sum + Number(s === guess[i]), 0) / secret.length;
  const deviation = Math.sqrt((chance * (1 - chance)) / secret.length);
  return { right, chance, atChance: right <= chance + DEVIATIONS * deviation };
}

/** The result of `work`, and how long it took. */
export async function timed<T>(work: () => T | Promise<T>): Promise<{ readonly result: T; readonly seconds: number }> {
  const began = performance.now();
  const result = await work();
  return { result, seconds: (performance.now() - began) / 1000 };
}
