/** Estimates of the noise of exact schemes, from the operations alone: standard deviations, in the heuristic of independence. */

/** The same object is the noise of one ciphertext: it adds up undiminished. */
export interface Noise {
  /** log2 of the standard deviation of a coefficient. */
  readonly bits: number;
  /** The highest power of the secret key in it: its powers have larger coefficients than independent factors. */
  readonly degree: number;
}

/** Independent noises together. */
export function combine(...noises: readonly Noise[]): Noise {
  const most = Math.max(...noises.map(({ bits }) => bits));
  const variance = noises.reduce((sum, { bits }) => sum + 4 ** (bits - most), 0);
  return { bits: most + Math.log2(variance) / 2, degree: Math.max(...noises.map(({ degree }) => degree)) };
}

/** Each pair once, and how often it is there. */
export function countPairs(pairs: readonly (readonly [Noise, Noise])[]): [Noise, Noise, number][] {
  const found = new Map<Noise, Map<Noise, number>>();
  for (const [a, b] of pairs) {
    const others = found.get(a) ?? new Map<Noise, number>();
    found.set(a, others.set(b, (others.get(b) ?? 0) + 1));
  }
  return [...found].flatMap(([a, others]) => [...others].map(([b, count]): [Noise, Noise, number] => [a, b, count]));
}
