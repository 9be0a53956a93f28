/** Integers by their residues modulo a few primes of 28 bits (Garner 1959), outside the kernels: slots of plaintexts. */
import { inverseMod, modBigint, mulMod } from '../kernels/arithmetic.ts';

export class ChineseRemainder {
  readonly primes: readonly number[];
  /** T = Π t_j. */
  readonly modulus: bigint;
  /** inverses[j][i] = t_i^-1 mod t_j, i < j. */
  private readonly inverses: readonly (readonly number[])[];

  constructor(primes: readonly number[]) {
    this.primes = primes;
    this.modulus = primes.reduce((product, t) => product * BigInt(t), 1n);
    this.inverses = primes.map((t, j) => primes.slice(0, j).map((other) => inverseMod(other % t, t)));
  }

  /** Magnitudes up to 2^bits, that included, have residues of their own. */
  get bits(): number {
    return (this.modulus / 2n).toString(2).length - 1;
  }

  /** Values modulo the prime t_j. */
  residues(values: readonly bigint[], j: number): Uint32Array {
    const t = this.primes[j] as number;
    return Uint32Array.from(values, (value) => {
      const small = Number(value);
      if (!Number.isSafeInteger(small)) return modBigint(value, t);
      const rest = small % t;
      return rest < 0 ? rest + t : rest;
    });
  }

  /** The integers in (−T/2, T/2) with these residues: residues[j][i] of integer i modulo t_j. */
  lift(residues: readonly Uint32Array[]): bigint[] {
    const half = this.modulus / 2n;
    const digits = new Array<number>(this.primes.length);
    return Array.from(residues[0] as Uint32Array, (_, i) => {
      this.primes.forEach((t, j) => {
        let x = (residues[j] as Uint32Array)[i] as number;
        const inverses = this.inverses[j] as readonly number[];
        for (let k = 0; k < j; k++) {
          const difference = (x - ((digits[k] as number) % t) + t) % t;
          x = mulMod(difference, inverses[k] as number, t);
        }
        digits[j] = x;
      });
      const value = this.primes.reduceRight((sum, t, j) => sum * BigInt(t) + BigInt(digits[j] as number), 0n);
      return value > half ? value - this.modulus : value;
    });
  }
}
