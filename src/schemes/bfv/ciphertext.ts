/** A BFV ciphertext: for each plaintext prime t_j a pair (c0, c1) with c0 + c1·s ≈ Q/t_j·m_j, under one secret key. */
import type { Domain, Poly } from '../../ring/poly.ts';
import type { PolyPair } from '../../rlwe/key-switching.ts';
import type { Noise } from '../../rlwe/noise-estimate.ts';

export class BfvCiphertext {
  readonly parts: readonly PolyPair[];
  /** An estimate from the operations that made it; public. */
  readonly noise: Noise;
  /** Where c1 of part j is the uniform polynomial (seed, j): files may store the seed. */
  readonly seed: Uint8Array | undefined;

  constructor(parts: readonly PolyPair[], noise: Noise, seed?: Uint8Array) {
    this.parts = parts;
    this.noise = noise;
    this.seed = seed;
  }

  /** Limbs of the modulus; the same in all parts. */
  get limbs(): number {
    return (this.parts[0] as PolyPair)[0].limbCount;
  }

  dispose(): void {
    for (const poly of this.parts.flat()) poly.dispose();
  }
}

/** The polynomials of a ciphertext or of a list of them: what a scope keeps. */
export function* polynomialsIn(value: BfvCiphertext | readonly BfvCiphertext[]): Generator<Poly<Domain>> {
  for (const { parts } of [value].flat() as BfvCiphertext[]) yield* parts.flat() as unknown as Poly<Domain>[];
}
