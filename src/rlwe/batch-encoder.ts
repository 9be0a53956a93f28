/**
 * Between integers in slots and plaintext polynomials modulo primes t_j ≡ 1 mod 2N (Smart and Vercauteren 2011/133): the
 * kernels' own NTT modulo t_j. Slot i is the value at ψ^(5^i), and at ψ^(−5^i) as well: both orbits of the powers of 5
 * hold the same, so X → X^5 rotates n = N/2 slots cyclically. Integers are held by their residues modulo all t_j.
 */
import { reverseBits } from '../kernels/arithmetic.ts';
import { storagePosition } from '../kernels/storage-order.ts';
import { ChineseRemainder } from '../ring/chinese-remainder.ts';
import { type Poly, toCoefficients, toNtt } from '../ring/poly.ts';
import type { Ring } from '../ring/ring.ts';

export class BatchEncoder {
  readonly slots: number;
  readonly remainders: ChineseRemainder;
  private readonly ring: Ring;
  private readonly indices: readonly number[];
  /** Where the NTT keeps slot i: of both orbits, one after the other. */
  private readonly positions: Uint32Array;

  /** @param indices of the plaintext primes in the ring */
  constructor(ring: Ring, indices: readonly number[]) {
    this.ring = ring;
    this.indices = indices;
    this.slots = ring.N / 2;
    this.remainders = new ChineseRemainder(indices.map((i) => (ring.primes[i] as { p: number }).p));
    this.positions = slotPositions(ring.logN);
  }

  /** Polynomials of one limb each, modulo t_0, t_1, …; values repeat over the slots. RangeError for a wrong length. */
  encode(values: readonly bigint[]): Poly<'coeff'>[] {
    const { slots, ring } = this;
    const period = values.length;
    if (period === 0 || slots % period !== 0) {
      throw new RangeError(`expected a number of values that divides ${slots}, got ${period}`);
    }
    return this.indices.map((index, j) => {
      const residues = this.remainders.residues(values, j);
      const poly = ring.allocate('ntt', [index]);
      const words = ring.engine.heap.u32(poly.limb(0), ring.N);
      for (let i = 0; i < 2 * slots; i++) words[this.positions[i] as number] = residues[i & (period - 1)] as number;
      const coefficients = toCoefficients(poly);
      poly.dispose();
      return coefficients;
    });
  }

  /** The first `count` of the n slots, centred modulo Π t_j. */
  decode(polys: readonly Poly<'coeff'>[], count: number = this.slots): bigint[] {
    const residues = polys.map((poly) => {
      const values = toNtt(poly);
      const words = this.ring.engine.heap.u32(values.limb(0), this.ring.N);
      const read = this.positions.subarray(0, count).map((at) => words[at] as number);
      values.dispose();
      return read;
    });
    return this.remainders.lift(residues);
  }
}

function slotPositions(logN: number): Uint32Array {
  const slots = 2 ** (logN - 1);
  const positions = new Uint32Array(2 * slots);
  const at = (exponent: number): number => storagePosition(reverseBits((exponent - 1) / 2, logN));
  for (let i = 0, power = 1; i < slots; i++, power = (5 * power) % (4 * slots)) {
    positions[i] = at(power);
    positions[slots + i] = at(4 * slots - power);
  }
  return positions;
}
