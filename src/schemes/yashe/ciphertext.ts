/** A YASHE' ciphertext: for each plaintext prime t_j one polynomial c with f_j·c ≈ q/t_j·m_j. */
import type { Domain, Poly } from '../../ring/poly.ts';
import type { Noise } from '../../rlwe/noise-estimate.ts';

export class YasheCiphertext {
  readonly parts: readonly Poly<'ntt'>[];
  /** An estimate from the operations that made it; public. */
  readonly noise: Noise;

  constructor(parts: readonly Poly<'ntt'>[], noise: Noise) {
    this.parts = parts;
    this.noise = noise;
  }

  dispose(): void {
    for (const poly of this.parts) poly.dispose();
  }
}

/** What a scope keeps. */
export function polynomialsIn({ parts }: YasheCiphertext): Iterable<Poly<Domain>> {
  return parts as unknown as readonly Poly<Domain>[];
}
